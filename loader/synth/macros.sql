-- What the queries of synthetic calls compute with.
create macro bits(word, first, width) as ((word >> first) & ((1::ubigint << width) - 1))::bigint;
create macro pick(choices, draw, width) as choices[1 + ((draw * len(choices)) >> width)];
create macro utc(milliseconds) as getvariable('day')::timestamp + to_milliseconds(milliseconds);
create macro padded(number, digits) as lpad((number % (10 ^ digits)::bigint)::varchar, digits::integer, '0');
