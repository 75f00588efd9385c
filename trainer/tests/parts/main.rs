//! The parts of the trainer, each against its reference. One binary: libtorch is linked once.

mod fixture; // reference numbers: the committed ones, or those in the folder that `L48_FIXTURES` names

// Rows, labels and what is measured.
mod metric; // mAP
mod run_folder; // what a run writes reads back

// Learning.
mod asset_beliefs; // what its table believes, and how that is measured
mod asset_reg; // the asset regulariser
mod augment; // changes made to training clips
mod heard_loss; // what was heard in recordings
mod known_negatives; // how known negatives count
mod loss_alone; // every loss at the edges, in training, saved and misconfigured
mod losses; // value and gradient of every loss
mod mixing; // what is kept of each clip, where clips are mixed
mod optim; // the optimisers
mod recipe; // schedule, clipping and average of weights
mod recording_evidence; // clips without a known positive as evidence

// Networks.
mod convnext; // ConvNeXt on the CPU
mod cuda; // on a GPU, where there is one
mod model; // the others on the CPU
