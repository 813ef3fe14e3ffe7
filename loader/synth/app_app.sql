-- Times with seven digits after the second. One record in eighty is written a day late, and a few two days.
with

delayed as (
    select
        *,
        case
            when bits(d, 30, 12) % 80 > 0 then 0
            when bits(d, 30, 12) % 640 > 0 then 1
            else 2
        end as days_late
    from called
)

select
    md5(draw) as "CallId",
    application.user_space_id as "UserSpaceId",
    strftime(
        utc(case when is_answered then talk_ms else greatest(0, end_ms - ring_ms) end)
        - to_days(days_late::integer)
        + to_microseconds((bits(d, 42, 10) * 1000) >> 10),
        '%Y-%m-%dT%H:%M:%S.%f'
    ) || (bits(d, 52, 8) % 10)::varchar || 'Z' as "CallTime",
    result as "Result",
    reason as "Reason",
    duration as "Duration",
    user_id as "FromUserId",
    replace(
        application.user_pattern, '#', lpad((1 + remote_number % application.users)::varchar, 4, '0')
    ) as "ToUserId",
    custom as "Custom",
    application.guid as "ApplicationKey"
from delayed
