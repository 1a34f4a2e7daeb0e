{% macro no_tier_reason(row, period_type) -%}
    {#-
        Why `row` (scheduled_lessons, covered_lessons, covered_days of a period of that type, an expression) has no
        tier; null when enough is known.
    -#}
    case
        when {{ row }}.covered_lessons < {{ definition('coverage_minimum') }} * {{ row }}.scheduled_lessons
            then 'low_coverage'
        when
            {{ row }}.covered_days < case
                when {{ period_type }} = 'month' then {{ definition('month_minimum_days') }}
                else {{ definition('period_minimum_days') }}
            end
            then 'too_few_lessons'
    end
{%- endmacro %}

{% macro is_in_tier(row, tier) -%}
    {#-
        True where `row` (no_tier_reason, covered_lessons, absent_lessons) belongs to `tier`, by products, which are
        exact. The rows are best materialised, so that none is worked out again for each of the tiers.
    -#}
    (
        {{ row }}.no_tier_reason is null
        and case
            when {{ tier }}.lower_included
                then {{ row }}.absent_lessons >= {{ tier }}.lower_bound * {{ row }}.covered_lessons
            else {{ row }}.absent_lessons > {{ tier }}.lower_bound * {{ row }}.covered_lessons
        end
        and case
            when {{ tier }}.upper_bound is null then true
            when {{ tier }}.upper_included
                then {{ row }}.absent_lessons <= {{ tier }}.upper_bound * {{ row }}.covered_lessons
            else {{ row }}.absent_lessons < {{ tier }}.upper_bound * {{ row }}.covered_lessons
        end
    )
{%- endmacro %}
