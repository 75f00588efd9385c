# Base-R functions that say what is known of a class in a clip, for datasets with and without implied labels
# (shardfmt/README.md, section 4.6).
#
# `clips` is a data frame with a row for each clip and the columns present, absent and unknown, and where the dataset has
# implied labels also others, and the geo_possible and geo_modelled of the clip's recording. A column of species codes is a
# list of character vectors, as the arrow package reads it, or text with the codes separated by ";", as exported to CSV.
# Not known is NA (in a list also NULL), which is not the same as the empty list, "": read such a CSV with
# read.csv(file, colClasses = "character", na.strings = "\\N"). `taxa` holds every species code of taxa.parquet.

# Whether each list of a column of species codes contains `species`; NA where the list is not known.
lists_species <- function(column, species) {
  codes <- if (is.list(column)) column else strsplit(as.character(column), ";", fixed = TRUE)
  vapply(codes, function(listed) if (is.null(listed) || anyNA(listed)) NA else species %in% listed, logical(1))
}

# "present", "absent" or "unknown" for each clip.
label_of <- function(species, clips, taxa) {
  if (!species %in% taxa) stop("no class ", species, " in taxa.parquet")
  column <- function(name) if (is.null(clips[[name]])) rep(NA_character_, nrow(clips)) else clips[[name]]
  contains <- function(name) lists_species(column(name), species)
  label <- as.character(column("others"))
  label[is.na(label)] <- "unknown"
  ruled_out <- !contains("geo_possible") & (is.na(contains("geo_modelled")) | contains("geo_modelled"))
  label[label == "prior"] <- ifelse(ruled_out %in% TRUE, "absent", "unknown")[label == "prior"]
  for (list in c("unknown", "absent", "present")) label[contains(list) %in% TRUE] <- list
  label
}

# Whether `species` is known to be absent from each clip.
is_absent <- function(species, clips, taxa) label_of(species, clips, taxa) == "absent"
