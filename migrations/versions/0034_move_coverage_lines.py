"""Counts kept as one value become a head with lines, so that coverage can be read at once after an upgrade.

Lines are kept of the newest two counts only; of older ones nobody reads more than the head. What a class of work was
worth was kept and never read: only the sums of what stays unmet go on.
"""

from alembic import op

revision = "0034_move_coverage_lines"
down_revision = "0033_create_coverage_line"
branch_labels = None
depends_on = None

LINES = """
WITH newest AS (
    SELECT id, result -> 'parts' AS parts FROM coverage_run WHERE result ->> 'version' = '6'
    ORDER BY based_on_seq DESC, computed_at DESC, id DESC LIMIT 2
), part AS (
    SELECT newest.id AS run_id, each.key::int AS territory_id, each.value AS lists
    FROM newest, jsonb_each(newest.parts) AS each
), cell AS (
    SELECT run_id, territory_id, one ->> 0 AS kind, (one ->> 1)::int AS number, jsonb_agg(one ORDER BY place) AS cells,
        sum((one ->> 5)::bigint) AS needed_s, sum((one ->> 7)::bigint) AS missing_s
    FROM part, jsonb_array_elements(lists -> 'cells') WITH ORDINALITY AS cells (one, place)
    GROUP BY 1, 2, 3, 4
), remedy AS (
    SELECT run_id, territory_id, one ->> 2 AS kind, (one ->> 3)::int AS number,
        jsonb_agg(one ORDER BY place) AS remedies
    FROM part, jsonb_array_elements(lists -> 'remedies') WITH ORDINALITY AS remedies (one, place)
    GROUP BY 1, 2, 3, 4
), outline AS (
    SELECT run_id, territory_id, one ->> 0 AS kind, (one ->> 1)::int AS number, jsonb_agg(one) AS outlines,
        sum((SELECT sum(mean.value::bigint) FROM jsonb_array_elements_text(one -> 4 -> 'mean_s') AS mean))::bigint
            AS expected_s
    FROM part, jsonb_array_elements(lists -> 'outlines') AS outlines (one)
    GROUP BY 1, 2, 3, 4
)
INSERT INTO coverage_line
    (run_id, territory_id, kind, number, needed_s, missing_s, expected_s, cells, remedies, outlines)
SELECT run_id, territory_id, kind, number, coalesce(needed_s, 0), coalesce(missing_s, 0), expected_s,
    coalesce(cells, '[]'), coalesce(remedies, '[]'), coalesce(outlines, '[]')
FROM cell
FULL JOIN remedy USING (run_id, territory_id, kind, number)
FULL JOIN outline USING (run_id, territory_id, kind, number)
"""
HEADS = """
UPDATE coverage_run
SET result = result - 'parts' || jsonb_build_object('version', 7, 'unmet_of', (
    SELECT coalesce(jsonb_agg(jsonb_build_array(territory_id, week, unmet_s) ORDER BY territory_id, week), '[]')
    FROM (
        SELECT (one ->> 0)::int AS territory_id, one ->> 1 AS week, sum((one ->> 4)::bigint) AS unmet_s
        FROM jsonb_each(result -> 'parts') AS part, jsonb_array_elements(part.value -> 'prices') AS prices (one)
        GROUP BY 1, 2
    ) AS sums
))
WHERE result ->> 'version' = '6'
"""


def upgrade() -> None:
    op.execute(LINES)
    op.execute(HEADS)


def downgrade() -> None:
    # The code before cannot read counts in lines and counts anew; lines would be missing after another upgrade.
    op.execute("DELETE FROM coverage_run WHERE result ->> 'version' = '7'")
