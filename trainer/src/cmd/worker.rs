//! `l48-train worker`: trains the runs that `benchmark --jobs` gives it, a JSON line each, and answers each with a
//! line.

use anyhow::{Context, Result};

use super::{device, output};
use crate::benchmark::{Answer, Materials, Task, diverged_or};
use crate::cli::WorkerArgs;
use crate::fit::fit;
use crate::run::Existing;

/// Runs the command.
pub(super) fn run(args: &WorkerArgs) -> Result<()> {
    let device = device::choose(args.device.device);
    let mut materials = Materials::default();
    for line in std::io::stdin().lines() {
        let task: Task = serde_json::from_str(&line?).context("a task is a JSON line with dataset, out and config")?;
        tracing::info!("{}", task.out.display());
        let trained = materials
            .of(&task.dataset)
            .and_then(|material| fit(material, &task.config, &task.out, device, Existing::Resume));
        let answer = Answer {
            error: diverged_or(trained.map(drop)).err().map(|error| error.to_string()),
        };
        output::print(&(serde_json::to_string(&answer)? + "\n"))?;
    }
    Ok(())
}
