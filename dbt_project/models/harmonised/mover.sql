-- Nearly nobody, so that what is asked of these alone costs little.
select
    enrolment.person_key,
    enrolment.school_year
from {{ ref('enrolment') }} as enrolment
group by enrolment.person_key, enrolment.school_year
having min(enrolment.municipality) < max(enrolment.municipality)
