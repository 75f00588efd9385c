-- DuckDB macros that say what is known of a class in a clip, for datasets with and without implied labels
-- (shardfmt/README.md, section 4.6). Load them with `.read shardfmt/queries/is_absent.sql`.

-- Every clip of the dataset in folder `dir`: the label table with a column `others` (NULL where the dataset has none),
-- and the geographic prior of the clip's recording.
CREATE OR REPLACE MACRO l48_clips(dir) AS TABLE
    SELECT labels.*, priors.geo_possible, priors.geo_modelled
    FROM (
        SELECT * FROM read_parquet(dir || '/labels/*.parquet')
        UNION ALL BY NAME
        SELECT NULL::VARCHAR AS others WHERE false
    ) AS labels
    JOIN read_parquet(dir || '/priors/*.parquet') AS priors USING (asset_id);

-- 'present', 'absent' or 'unknown' for the species code `species` in `clip`, a row of l48_clips. The code has to be one of
-- taxa.parquet, which is not checked here.
CREATE OR REPLACE MACRO label_of(species, clip) AS
    CASE
        WHEN list_contains(clip.present, species) THEN 'present'
        WHEN list_contains(clip.absent, species) THEN 'absent'
        WHEN list_contains(clip.unknown, species) THEN 'unknown'
        WHEN clip.others = 'prior' THEN
            CASE
                WHEN clip.geo_possible IS NULL THEN 'unknown'
                WHEN list_contains(clip.geo_possible, species) THEN 'unknown'
                WHEN clip.geo_modelled IS NULL THEN 'absent'
                WHEN list_contains(clip.geo_modelled, species) THEN 'absent'
                ELSE 'unknown'
            END
        ELSE coalesce(clip.others, 'unknown')
    END;

-- Whether `species` is known to be absent from `clip`.
CREATE OR REPLACE MACRO is_absent(species, clip) AS label_of(species, clip) = 'absent';

-- Every clip with its label of `species`. A code that is not in taxa.parquet is an error.
CREATE OR REPLACE MACRO l48_labels(dir, species) AS TABLE
    SELECT
        clips.*,
        CASE
            WHEN species IN (SELECT species_code FROM read_parquet(dir || '/taxa.parquet')) THEN label_of(species, clips)
            ELSE error('no class ' || species || ' in ' || dir || '/taxa.parquet')
        END AS label
    FROM l48_clips(dir) AS clips;
