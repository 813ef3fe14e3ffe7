{{ incremental_by_file('phone_originated') }}

{{ typed_records('phone_originated') }}
