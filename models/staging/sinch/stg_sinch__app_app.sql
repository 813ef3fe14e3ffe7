{{ incremental_by_file('app_app') }}

{{ typed_records('app_app') }}
