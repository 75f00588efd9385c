//! The parts of the trainer, each against its reference. One binary: libtorch is linked once.

mod fixture; // reference numbers: the committed ones, or those in the folder that `L48_FIXTURES` names

// Rows, labels and what is measured.
mod metric; // mAP
mod run_folder; // what a run writes reads back

// Learning.
mod asset_reg; // the asset regulariser
mod augment; // changes made to training clips
mod loss_alone; // every loss at the edges, in training, saved and misconfigured
mod losses; // value and gradient of every loss
mod optim; // the optimisers

// Networks.
mod cuda; // on a GPU, where there is one
mod model; // on the CPU
