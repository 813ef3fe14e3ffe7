{{ incremental_by_file('phone_terminated') }}

{{ typed_records('phone_terminated') }}
