{% macro attendance_tier_joins(row, period_type) -%}
    {#-
        Joins that judge `row` (scheduled_lessons, covered_lessons, covered_days, absent_lessons of a period of that
        type, an expression): `known.no_tier_reason`, null when enough is known, and then `tier.tier`.
    -#}
    cross join lateral (
        select
            case
                when
                    {{ row }}.covered_lessons < {{ definition('coverage_minimum') }} * {{ row }}.scheduled_lessons
                    then 'low_coverage'
                when
                    {{ row }}.covered_days < case
                        when {{ period_type }} = 'month' then {{ definition('month_minimum_days') }}
                        else {{ definition('period_minimum_days') }}
                    end
                    then 'too_few_lessons'
            end as no_tier_reason
    ) as known
    left join {{ ref('attendance_tier') }} as tier
        on
            known.no_tier_reason is null
            and (
                {{ row }}.absent_lessons > tier.lower_bound * {{ row }}.covered_lessons
                or (tier.lower_included and {{ row }}.absent_lessons = tier.lower_bound * {{ row }}.covered_lessons)
            )
            and (
                tier.upper_bound is null
                or {{ row }}.absent_lessons < tier.upper_bound * {{ row }}.covered_lessons
                or (tier.upper_included and {{ row }}.absent_lessons = tier.upper_bound * {{ row }}.covered_lessons)
            )
{%- endmacro %}
