//! Defines the command line of `l48-train`: flags only, no behaviour.

mod choice;
mod detect;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use loader::{FullUnknown, Level, Mode, Rows, SinglePositive, Unheard};
use shardfmt::Split;

use crate::asset_reg::{Control, Init, Positives};
use crate::config::{OptimiserName, OrderName};
use crate::model::{Arch, Precision};
use crate::optim::Decay;

pub use detect::{CalibrateArgs, DetectArgs, SuggestArgs};

/// Trains single-positive multi-label models on dataset shards and evaluates them.
///
/// Results go to standard output, logs and progress to standard error. Exit codes: 0 success, 1 a benchmark is complete
/// but some of its runs diverged, or recordings were looked through but some were refused, 2 failure, 75
/// another process has the folder.
#[derive(Debug, Parser)]
#[command(name = "l48-train", version, max_term_width = 120)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model on a dataset, and evaluate its best epoch.
    #[command(
        args_override_self = true,
        after_help = "Examples:\n  l48-train fit data/demo --out runs/demo --arch tiny --epochs 10 --lr 1e-3\n  l48-train fit data/birds --out runs/llr --mode checklist --loss ll-r --param delta=0.005 --weights resnet50.safetensors\n  l48-train fit data/birds --out runs/reg --asset-reg 0.3 --asset-reg-eps 0.01 --asset-reg-init 0.5\n  l48-train fit data/birds --out runs/next --arch convnext-tiny --optimiser adamw --schedule cosine --warmup-steps 500 --clip-norm 1 --average 0.999\n  l48-train fit data/birds --out runs/reg --resume"
    )]
    Fit(Box<FitArgs>),
    /// Evaluate the best epoch of a run on a split.
    #[command(
        after_help = "Examples:\n  l48-train eval runs/demo --split test\n  l48-train eval runs/demo --level recording"
    )]
    Eval(EvalArgs),
    /// Write the scores of every clip of a dataset as a Parquet table.
    #[command(after_help = "Example:\n  l48-train predict runs/demo data/demo --out predictions.parquet")]
    Predict(PredictArgs),
    /// Find the classes of a run in recordings.
    #[command(after_help = detect::EXAMPLES)]
    Detect(DetectArgs),
    /// Fit what makes probabilities of a run's logits, on val, for `detect --calibrated`.
    #[command(after_help = "Example:\n  l48-train calibrate runs/demo")]
    Calibrate(CalibrateArgs),
    /// List the clips that an annotator should look at next.
    #[command(
        after_help = "Examples:\n  l48-train suggest runs/demo data/demo --clips 50\n  l48-train suggest runs/demo data/demo --clips 50 --by disagreement --per-recording 2 --out next.csv --raven next"
    )]
    Suggest(SuggestArgs),
    /// Write the rows of a mode with their labels and masks as a Parquet table.
    #[command(
        after_help = "Examples:\n  l48-train rows data/l48 --mode checklist --out rows.parquet\n  l48-train rows data/l48 --mode full --split val --keep-unannotated --keep-silent --out val.parquet"
    )]
    Rows(RowsArgs),
    /// Train a matrix of methods, modes and regularisers over datasets and seeds, and print its tables and contrasts.
    #[command(
        after_help = "Examples:\n  l48-train benchmark manifests/table-demo.toml --out runs/table --dry-run\n  l48-train benchmark manifests/table-demo.toml --out runs/table --jobs 2"
    )]
    Benchmark(BenchmarkArgs),
    /// Measure loading and training speed, each beside its upper bound.
    #[command(
        args_override_self = true,
        after_help = "Example:\n  l48-train bench data/demo --arch tiny --steps 50"
    )]
    Bench(Box<BenchArgs>),
    /// Train runs given as JSON lines on standard input; started by `benchmark --jobs`.
    #[command(
        hide = true,
        after_help = "Example:\n  l48-train benchmark manifests/table-demo.toml --out runs/table --jobs 2"
    )]
    Worker(WorkerArgs),
}

/// Arguments of `fit`.
#[derive(Debug, Args)]
pub struct FitArgs {
    /// Folder or address of the dataset.
    pub dataset: PathBuf,
    /// Folder of the run.
    #[arg(long, value_name = "RUN")]
    pub out: PathBuf,
    /// Resume from the run's last checkpoint; an error if dataset or settings have changed.
    #[arg(long)]
    pub resume: bool,
    /// Where to compute.
    #[command(flatten)]
    pub device: DeviceArg,
    /// The settings.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// Where to compute.
#[derive(Clone, Copy, Debug, Args)]
pub struct DeviceArg {
    /// Where to compute.
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,
}

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// A GPU if there is one.
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU; without one, the CPU is used with a warning.
    Cuda,
}

/// The settings of a run as flags; each overrides the configuration file.
#[derive(Debug, Default, Args)]
pub struct SettingArgs {
    /// Settings as a TOML file; a run's `config.toml` is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How much of the labels training may see [default: target].
    #[arg(long, value_parser = choice::mode())]
    pub mode: Option<Mode>,
    /// Which positive of a clip is the single one, in modes other than full [default: target].
    #[arg(long, value_parser = choice::single_positive())]
    pub single_positive: Option<SinglePositive>,
    /// The method [default: an]; see docs/training.md.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(crate::loss::names()))]
    pub loss: Option<String>,
    /// A parameter of the method, NAME=VALUE; repeatable.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, toml::Value)>,
    /// Rows trained on: the mode's own, or those of mode target in every mode [default: own].
    #[arg(long, value_parser = choice::rows())]
    pub rows: Option<Rows>,
    /// Known negatives become a * loss + b * binary cross-entropy [default: 1,0].
    #[arg(long, value_name = "A,B", value_parser = parse_pair)]
    pub known_negatives: Option<(f64, f64)>,
    /// How unknown labels count in mode full [default: assume-negative].
    #[arg(long, value_parser = choice::full_unknown())]
    pub full_unknown: Option<FullUnknown>,
    /// Weight of the asset regulariser [default: none].
    #[arg(long, value_name = "ALPHA")]
    pub asset_reg: Option<f64>,
    /// How far a recording's running mean moves with each clip [default: 0.001].
    #[arg(long, value_name = "E")]
    pub asset_reg_eps: Option<f64>,
    /// Start of the running means: uniform (0.4 to 0.6), or a value [default: uniform].
    #[arg(long, value_name = "uniform|VALUE")]
    pub asset_reg_init: Option<Init>,
    /// A control instead of the regulariser itself [default: none].
    #[arg(long)]
    pub asset_reg_control: Option<Control>,
    /// What a recording's running means take for present at the start [default: clips].
    #[arg(long)]
    pub asset_reg_positives: Option<Positives>,
    /// The network [default: resnet50].
    #[arg(long)]
    pub arch: Option<Arch>,
    /// Weights to start from, safetensors with torchvision's names.
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Number type of convolutions [default: bf16 on a GPU, f32 on the CPU].
    #[arg(long)]
    pub precision: Option<Precision>,
    /// Passes over the training rows [default: 10].
    #[arg(long)]
    pub epochs: Option<u32>,
    /// Rows in a batch [default: 16].
    #[arg(long)]
    pub batch: Option<usize>,
    /// The optimiser [default: adam].
    #[arg(long)]
    pub optimiser: Option<OptimiserName>,
    /// Learning rate [default: 1e-4].
    #[arg(long)]
    pub lr: Option<f64>,
    /// What the learning rate does after the warm-up [default: constant].
    #[arg(long)]
    pub schedule: Option<Decay>,
    /// Steps over which the learning rate rises to its value [default: 0].
    #[arg(long, value_name = "STEPS")]
    pub warmup_steps: Option<u64>,
    /// Largest norm of all gradients together; longer ones are scaled down to it [default: none].
    #[arg(long, value_name = "NORM")]
    pub clip_norm: Option<f64>,
    /// Evaluate and save an exponential average of the weights with this decay, such as 0.999 [default: none].
    #[arg(long, value_name = "DECAY")]
    pub average: Option<f64>,
    /// Decides everything random [default: 48].
    #[arg(long)]
    pub seed: Option<u64>,
    /// Threads of libtorch on the CPU; part of the run [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// Put up to this many clips of a recording side by side, so that most of them share a batch.
    #[arg(long, value_name = "K")]
    pub clips_per_asset: Option<usize>,
    /// At most this many clips of a recording in an epoch.
    #[arg(long, value_name = "N")]
    pub max_clips_per_asset: Option<usize>,
    /// Draw rarer classes more often.
    #[arg(long)]
    pub class_balanced: bool,
    /// Over how much of the dataset an epoch is shuffled [default: shuffled].
    #[arg(long)]
    pub order: Option<OrderName>,
    /// Shards that are shuffled together, with --order window [default: 8].
    #[arg(long, value_name = "SHARDS")]
    pub window_shards: Option<usize>,
    /// Leave out clips without a known positive.
    #[arg(long)]
    pub remove_empty: bool,
    /// Train on silent clips too.
    #[arg(long)]
    pub keep_silent: bool,
    /// Do not measure the best epoch on test; for datasets without such a split.
    #[arg(long)]
    pub no_test: bool,
    /// What val and test are measured on [default: clip].
    #[arg(long, value_parser = choice::level())]
    pub level: Option<Level>,
    /// What a class is that was not heard in a recording, with --level recording [default: unknown].
    #[arg(long, value_parser = choice::unheard())]
    pub unheard: Option<Unheard>,
    /// Control: give each clip of train and val the labels of another clip.
    #[arg(long)]
    pub permute_labels: bool,
    /// Also write a checkpoint every so many steps within an epoch.
    #[arg(long, value_name = "STEPS")]
    pub checkpoint_every: Option<u64>,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Folder of the run.
    pub run: PathBuf,
    /// Which split.
    #[arg(long, value_enum, default_value_t = EvaluatedSplit::Test)]
    pub split: EvaluatedSplit,
    /// Another dataset with the same images and classes [default: the one trained on].
    #[arg(long, value_name = "DIR")]
    pub dataset: Option<PathBuf>,
    /// What is measured [default: that of the run].
    #[arg(long, value_parser = choice::level())]
    pub level: Option<Level>,
    /// What a class is that was not heard in a recording, with --level recording [default: that of the run].
    #[arg(long, value_parser = choice::unheard())]
    pub unheard: Option<Unheard>,
    /// Replicates of the bootstrap over recordings; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub bootstrap: u32,
    /// Where to compute.
    #[command(flatten)]
    pub device: DeviceArg,
}

/// A split that models are evaluated on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EvaluatedSplit {
    /// For choosing.
    Val,
    /// For reporting.
    Test,
}

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub struct PredictArgs {
    /// Folder of the run.
    pub run: PathBuf,
    /// Folder or address of the dataset.
    pub dataset: PathBuf,
    /// The table to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where to compute.
    #[command(flatten)]
    pub device: DeviceArg,
}

/// Arguments of `rows`.
#[derive(Debug, Args)]
pub struct RowsArgs {
    /// Folder or address of the dataset.
    pub dataset: PathBuf,
    /// How much of the labels is shown.
    #[arg(long, value_parser = choice::mode())]
    pub mode: Mode,
    /// Which split: train, val or test.
    #[arg(long, value_parser = parse_split, default_value = "train")]
    pub split: Split,
    /// The mode's own rows, or those of mode target.
    #[arg(long, value_parser = choice::rows(), default_value_t)]
    pub rows: Rows,
    /// Keep clips without any known class.
    #[arg(long)]
    pub keep_unannotated: bool,
    /// Over how much of the dataset an epoch is shuffled [default: shuffled].
    #[arg(long)]
    pub order: Option<OrderName>,
    /// Shards that are shuffled together, with --order window [default: 8].
    #[arg(long, value_name = "SHARDS")]
    pub window_shards: Option<usize>,
    /// Leave out clips without a known positive.
    #[arg(long)]
    pub remove_empty: bool,
    /// Keep silent clips.
    #[arg(long)]
    pub keep_silent: bool,
    /// The table to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Arguments of `worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Where to compute.
    #[command(flatten)]
    pub device: DeviceArg,
}

/// Arguments of `benchmark`.
#[derive(Debug, Args)]
pub struct BenchmarkArgs {
    /// The matrix (TOML).
    pub file: PathBuf,
    /// Folder of its runs and tables; finished runs in it are not repeated.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Only list the cells with their rows, steps and estimated cost; a few steps are measured for it.
    #[arg(long)]
    pub dry_run: bool,
    /// Runs at a time, each in its own process with the threads of its settings; results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: u16,
    /// Where to compute.
    #[command(flatten)]
    pub device: DeviceArg,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Folder or address of the dataset.
    pub dataset: PathBuf,
    /// Steps of training in a round.
    #[arg(long, default_value_t = 50)]
    pub steps: u32,
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    pub rounds: u32,
    /// Where to compute.
    #[command(flatten)]
    pub device: DeviceArg,
    /// The settings.
    #[command(flatten)]
    pub settings: SettingArgs,
}

fn parse_split(text: &str) -> Result<Split, String> {
    let there = Split::ALL.iter().find(|split| split.as_str() == text);
    let names: Vec<&str> = Split::ALL.iter().map(|split| split.as_str()).collect();
    there
        .copied()
        .ok_or_else(|| format!("{text:?} is not one of {}", names.join(", ")))
}

fn parse_pair(text: &str) -> Result<(f64, f64), String> {
    let number = |text: &str| text.trim().parse().map_err(|_| format!("{text:?} is not a number"));
    let (a, b) = text.split_once(',').ok_or("expected two numbers, as in 1,0.5")?;
    Ok((number(a)?, number(b)?))
}

/// `NAME=VALUE`; a value that is neither a number nor a boolean is a word.
fn parse_parameter(text: &str) -> Result<(String, toml::Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, as in delta=0.005")?;
    let value = if let Ok(whole) = value.parse::<i64>() {
        toml::Value::Integer(whole)
    } else if let Ok(number) = value.parse::<f64>() {
        toml::Value::Float(number)
    } else if let Ok(boolean) = value.parse::<bool>() {
        toml::Value::Boolean(boolean)
    } else {
        toml::Value::String(value.into())
    };
    Ok((name.trim().into(), value))
}
