-- Times to the millisecond; the charge is by the destination's increments, rounded to nearest. The ringing of
-- an unanswered call is cut off at midnight, since only its CallTime shows when it ended.
with

charged as (
    select
        *,
        case
            when not is_answered or bits(d, 20, 10) < getvariable('test_calls_per_1024') then 0
            else
                (
                    destination.rates[application.currency_number] * (
                        destination.first
                        + greatest(0, duration - destination.first + destination.following - 1)
                        // destination.following * destination.following
                    ) + 30
                ) // 60
        end as amount
    from called
)

select
    md5(draw)::uuid::varchar as "CallId",
    application.user_space_id as "UserSpaceId",
    strftime(
        utc(case when is_answered then talk_ms - ring_ms else greatest(0, end_ms - ring_ms) end),
        '%Y-%m-%dT%H:%M:%S.%gZ'
    ) as "CallTime",
    result as "Result",
    reason as "Reason",
    duration as "Duration",
    case when is_answered then strftime(utc(talk_ms), '%Y-%m-%dT%H:%M:%S.%gZ') end as "AnswerTime",
    case
        when bits(c, 48, 8) < 6 then 'private'
        when bits(c, 48, 8) < 10 then 'anonymous'
        when bits(c, 48, 8) < 22 then application.sender
        when bits(c, 48, 8) < 90 then own
        else '+' || own
    end as "From",
    case when bits(c, 56, 8) < 200 then '+' || remote else remote end as "To",
    amount * 0.0001::decimal(18, 4) as "Amount",
    application.currency as "Currency",
    custom as "Custom",
    application.guid as "ApplicationKey",
    user_id as "UserId",
    destination.country as "ToCountryId"
from charged
