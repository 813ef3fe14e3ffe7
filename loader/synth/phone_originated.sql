-- Times to the second; the charge is a flat price by the started minute.
select
    md5(draw)::uuid::varchar || '_257' as "CallId",
    application.user_space_id as "UserSpaceId",
    strftime(
        utc(case when is_answered then talk_ms else greatest(0, end_ms - ring_ms) end), '%Y-%m-%dT%H:%M:%SZ'
    ) as "CallTime",
    result as "Result",
    reason as "Reason",
    duration as "Duration",
    case
        when bits(c, 48, 8) < 12 then 'private'
        when bits(c, 48, 8) < 18 then 'anonymous'
        when bits(c, 48, 8) < 21 then null
        when bits(c, 48, 8) < 24 then 'Reception <+' || remote || '>'
        when bits(c, 48, 8) < 100 then remote
        else '+' || remote
    end as "From",
    case when bits(c, 56, 8) < 230 then '+' || own else own end as "To",
    (duration + 59) // 60 * application.inbound_rate * 0.0001::decimal(18, 4) as "Amount",
    application.currency as "Currency",
    custom as "Custom",
    application.guid as "ApplicationKey"
from called
