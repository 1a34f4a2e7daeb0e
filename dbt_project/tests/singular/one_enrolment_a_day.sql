-- Tests that no person is enrolled in two places on one day, in the whole region.
-- Matters for every count and every denominator: two enrolments would count a child twice.
-- To resolve: compare the person's rows in enrolment_row; the one that started later must end the other.
select
    one.person_key,
    other.valid_from
from {{ ref('enrolment') }} as one
inner join {{ ref('enrolment') }} as other
    on
        one.person_key = other.person_key
        and one.valid_from < other.valid_from
        and one.valid_to >= other.valid_from
