-- Tests that nobody is absent for more lessons of a month than were scheduled and covered.
-- Matters for every absence rate: it must lie between 0 and 1.
-- To resolve: look at the person's rows in absence; the cap or the coverage of a day is wrong.
select
    pupil_month.person_key,
    pupil_month.municipality,
    pupil_month.month
from {{ ref('pupil_month') }} as pupil_month
where
    pupil_month.absent_lessons > pupil_month.covered_lessons
    or pupil_month.covered_lessons > pupil_month.scheduled_lessons
    or pupil_month.covered_lessons < 0
