-- Times to the millisecond; an unanswered call has no Duration.
select
    md5(draw) || '@192.0.2.' || (17 + bits(c, 56, 8) % 4)::varchar as "CallId",
    application.user_space_id as "UserSpaceId",
    strftime(
        utc(case when is_answered then talk_ms else greatest(0, end_ms - ring_ms) end),
        '%Y-%m-%dT%H:%M:%S.%gZ'
    ) as "CallTime",
    result as "Result",
    reason as "Reason",
    case when is_answered then duration end as "Duration",
    case
        when bits(c, 48, 8) < 12 then 'anonymous'
        when bits(c, 48, 8) < 140 then '+' || remote
        else 'sip:' || remote || '@192.0.2.' || (17 + bits(c, 56, 8) % 4)::varchar
    end as "From",
    case
        when bits(c, 56, 8) < 120 then 'sip:' || user_id || '@pbx.example.com'
        when bits(c, 56, 8) < 170 then 'sip:+' || own || '@trunk.example.net:5060'
        else 'sip:' || own || '@trunk.example.net'
    end as "To",
    custom as "Custom",
    application.guid as "ApplicationKey"
from called
