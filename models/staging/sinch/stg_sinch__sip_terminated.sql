{{ incremental_by_file('sip_terminated') }}

{{ typed_records('sip_terminated') }}
