-- What all kinds have in common: who calls whom, when, for how long, and how it ends.
create view called as
with numbered as (
    select
        range as i,
        getvariable('lot') || range as draw
    from range(getvariable('calls'))
),

drawn as (
    select
        i,
        draw,
        md5_number_upper(draw || '/1') as a,
        md5_number_lower(draw || '/1') as b,
        md5_number_upper(draw || '/2') as c,
        md5_number_lower(draw || '/2') as d
    from numbered
),

-- the i-th of n calls ends in the i-th of n equal parts of the day's traffic: point is that part in 2^20ths
pointed as (
    select
        *,
        ((((i << 16) + bits(a, 0, 16)) << 4) // getvariable('calls'))::bigint as point
    from drawn
),

-- ... plus or minus a minute, since records are not written in the exact order of their ends
scattered as (
    select
        *,
        point >= getvariable('story').first_point
        and point < getvariable('story').last_point
        and i % getvariable('story').every = 0 as in_story,
        getvariable('quantiles')[1 + (point >> 10)]
        + (
            (getvariable('quantiles')[2 + (point >> 10)] - getvariable('quantiles')[1 + (point >> 10)])
            * (point & 1023) >> 10
        )
        + ((bits(a, 16, 16) * 120000) >> 16) - 60000 as scattered_ms
    from pointed
),

ended as (
    select
        *,
        -- reflected at midnight, so that every call ends on the file's day
        86399999 - abs(86399999 - abs(scattered_ms)) as end_ms
    from scattered
),

placed as (
    select
        *,
        case
            when in_story then getvariable('story').application
            else pick(
                    getvariable('application_slots')[case
                        when getvariable('is_weekend') then 4
                        when end_ms < 25200000 or end_ms >= 82800000 then 3  -- night: 23:00 to 7:00
                        when end_ms >= 61200000 then 2  -- evening: from 17:00
                        else 1
                    end],
                    bits(a, 32, 16),
                    16
                )
        end as application_number
    from ended
),

parties as (
    select
        *,
        getvariable('applications')[application_number] as application,
        getvariable('destinations')[case
            when in_story then getvariable('story').destination
            else pick(getvariable('destination_slots')[application_number], bits(b, 0, 16), 16)
        end] as destination,
        bits(b, 16, 24) % 40000 as remote_number
    from placed
),

tried as (
    select
        *,
        case
            when in_story then getvariable('story').user_number
            -- the square of a uniform draw: a few users call often
            else 1 + ((bits(a, 48, 16) * bits(a, 48, 16) * application.users) >> 32)
        end as user_number,
        bits(c, 0, 16) * 1000 >> 16 < case
            when in_story then getvariable('story').answered
            when getvariable('answered') >= 0 then getvariable('answered')
            else destination.answered
        end as is_answered,
        case
            when in_story then getvariable('story').talk_seconds
            else application.median_talk_seconds
        end as median_talk_seconds
    from parties
),

decided as (
    select
        *,
        case
            when is_answered then pick(getvariable('answered_slots'), bits(c, 16, 16), 16)
            else pick(getvariable('unanswered_slots'), bits(c, 16, 16), 16)
        end as outcome,
        case
            when is_answered
                then least(
                        getvariable('max_talk_seconds'),
                        greatest(
                            1, median_talk_seconds * getvariable('talk_quantiles')[1 + bits(b, 40, 10)] // 1000
                        )
                    )
            else 0
        end as duration
    from tried
),

called as (
    select
        *,
        outcome.result as result,
        -- the cap ends a call, whatever the parties would have done
        case
            when duration = getvariable('max_talk_seconds') then getvariable('cap_reason')
            else outcome.reason
        end as reason,
        end_ms - 1000 * duration as talk_ms,
        case
            when is_answered then 9 * getvariable('ring_quantiles')[1 + bits(b, 52, 10)]
            when outcome.result = 'NOANSWER' then 25 * getvariable('ring_quantiles')[1 + bits(b, 52, 10)]
            else 2 * getvariable('ring_quantiles')[1 + bits(b, 52, 10)]
        end as ring_ms,
        replace(application.user_pattern, '#', lpad(user_number::varchar, 4, '0')) as user_id,
        destination.calling_code
        || destination.prefixes[1 + remote_number % len(destination.prefixes)]
        || case
            when bits(d, 20, 10) < getvariable('test_calls_per_1024') then padded(0, destination.digits)
            else padded(remote_number * 7368787 + 1299709, destination.digits)
        end as remote,
        application.inbound[1 + user_number % len(application.inbound)]
        || padded(user_number % 40 * 2711 + 389, application.inbound_digits) as own,
        case
            when bits(c, 32, 8) < 26
                then replace(
                        pick(getvariable('custom_values'), bits(c, 40, 8), 8), '#', bits(d, 0, 20)::varchar
                    )
        end as custom
    from decided
)

select * from called
