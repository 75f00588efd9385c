//! Turns flags and a configuration file into the settings of a run.

use crate::asset_reg::AssetRegConfig;
use crate::cli::SettingArgs;
use crate::config::Config;
use crate::error::{Error, Result};

/// The configuration file, or `base`, with the flags on top.
///
/// # Errors
/// Those of reading the file; [`Error::Setting`] for invalid values.
pub(super) fn resolve(args: &SettingArgs, base: Config) -> Result<Config> {
    let mut config = match &args.config {
        Some(file) => Config::read(file)?,
        None => base,
    };
    set(&mut config.mode, args.mode);
    set(&mut config.single_positive, args.single_positive);
    set(&mut config.rows, args.rows);
    set(&mut config.full_unknown, args.full_unknown);
    set(&mut config.epochs, args.epochs);
    set(&mut config.batch, args.batch);
    set(&mut config.seed, args.seed);
    set(&mut config.threads, args.threads);
    set_loss(&mut config, args);
    set_asset_reg(&mut config, args)?;
    set(&mut config.model.arch, args.arch);
    set_some(&mut config.model.weights, args.weights.clone());
    set_some(&mut config.model.precision, args.precision);
    set(&mut config.optimiser.name, args.optimiser);
    set(&mut config.optimiser.lr, args.lr);
    set(&mut config.optimiser.schedule, args.schedule);
    set(&mut config.optimiser.warmup_steps, args.warmup_steps);
    set_some(&mut config.optimiser.clip_norm, args.clip_norm);
    set_some(&mut config.optimiser.average, args.average);
    set_some(&mut config.sampling.clips_per_asset, args.clips_per_asset);
    set_some(&mut config.sampling.max_clips_per_asset, args.max_clips_per_asset);
    config.sampling.class_balanced |= args.class_balanced;
    set(&mut config.sampling.order, args.order);
    set_some(&mut config.sampling.window_shards, args.window_shards);
    config.filters.remove_empty |= args.remove_empty;
    config.filters.keep_silent |= args.keep_silent;
    config.measure_test &= !args.no_test;
    set(&mut config.eval.level, args.level);
    set(&mut config.eval.unheard, args.unheard);
    config.permute_labels |= args.permute_labels;
    set_some(&mut config.checkpoint.every_steps, args.checkpoint_every);
    config.validate()?;
    Ok(config)
}

fn set<T>(setting: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *setting = value;
    }
}

fn set_some<T>(setting: &mut Option<T>, flag: Option<T>) {
    if flag.is_some() {
        *setting = flag;
    }
}

/// Another method does not inherit the parameters of the one in the file.
fn set_loss(config: &mut Config, args: &SettingArgs) {
    let loss = &mut config.loss;
    if let Some(name) = args.loss.as_ref().filter(|&name| *name != loss.name) {
        loss.name.clone_from(name);
        loss.parameters.clear();
    }
    loss.parameters.extend(args.parameters.iter().cloned());
    if let Some((a, b)) = args.known_negatives {
        (loss.a, loss.b) = (a, b);
    }
}

fn set_asset_reg(config: &mut Config, args: &SettingArgs) -> Result<()> {
    let details = args.asset_reg_eps.is_some()
        || args.asset_reg_init.is_some()
        || args.asset_reg_control.is_some()
        || args.asset_reg_positives.is_some();
    if config.asset_reg.is_none() && args.asset_reg.is_none() {
        if details {
            let reason = "is not set, so its eps, init, control and positives have no effect; give --asset-reg ALPHA";
            return Err(Error::setting("asset_reg", reason));
        }
        return Ok(());
    }
    let asset_reg = config.asset_reg.get_or_insert_with(AssetRegConfig::default);
    set(&mut asset_reg.alpha, args.asset_reg);
    set(&mut asset_reg.eps, args.asset_reg_eps);
    set(&mut asset_reg.init, args.asset_reg_init);
    set(&mut asset_reg.control, args.asset_reg_control);
    set(&mut asset_reg.positives, args.asset_reg_positives);
    Ok(())
}
