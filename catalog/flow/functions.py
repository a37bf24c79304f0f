"""The functions of DuckDB by what their results depend on; a function of none is not trusted.

The lists are DuckDB's own (``duckdb_functions()``, 2.0), without what reads the session, the clock
or files, and with what DuckDB calls consistent although it depends on the order of rows. A test
compares them with DuckDB.
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SCALAR: frozenset[str] = _names("""
abs acos acosh add array_aggr array_aggregate array_append array_apply array_cat array_concat
array_contains array_cosine_distance array_cosine_similarity array_cross_product array_distance
array_distinct array_dot_product array_extract array_filter array_grade_up array_has array_has_all
array_has_any array_indexof array_inner_product array_intersect array_length
array_negative_dot_product array_negative_inner_product array_pop_back array_pop_front
array_position array_prepend array_push_back array_push_front array_reduce array_resize
array_reverse array_reverse_sort array_select array_slice array_sort array_to_json array_to_string
array_transform array_unique array_value array_where array_zip ascii asin asinh atan atan2 atanh
bar base64 bin bit_count bit_length bit_position bitstring cardinality cbrt ceil ceiling century
char_length character_length chr concat concat_ws contains cos cosh cot damerau_levenshtein
date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname
dayofmonth dayofweek dayofyear days_in_month decade decode degrees divide editdist3 element_at
encode ends_with enum_code enum_first enum_last enum_range enum_range_boundary epoch epoch_ms
epoch_ns epoch_us equi_width_bins era even exp factorial fdiv filter flatten floor fmod format
format_bytes formatreadabledecimalsize formatreadablesize from_base64 from_binary from_hex
from_json from_json_strict gamma gcd generate_series get_bit grade_up greatest
greatest_common_divisor hamming hash hex hour if instr isfinite isinf isnan isodow isoyear jaccard
jaro_similarity jaro_winkler_similarity json json_array json_array_length json_contains
json_exists json_extract json_extract_path json_extract_path_text json_extract_string json_keys
json_merge_patch json_object json_pretty json_quote json_structure json_transform
json_transform_strict json_type json_valid json_value julian last_day lcase lcm least
least_common_multiple left left_grapheme len length length_grapheme levenshtein lgamma list_aggr
list_aggregate list_any_value list_append list_apply list_avg list_bit_and list_bit_or list_bit_xor
list_bool_and list_bool_or list_cat list_concat list_contains list_cosine_distance
list_cosine_similarity list_count list_distance list_distinct list_dot_product list_element
list_entropy list_extract list_filter list_first list_grade_up list_has list_has_all list_has_any
list_histogram list_indexof list_inner_product list_intersect list_kurtosis list_kurtosis_pop
list_last list_mad list_max list_median list_min list_mode list_negative_dot_product
list_negative_inner_product list_pack list_position list_prepend list_product list_reduce
list_resize list_reverse list_reverse_sort list_select list_sem list_skewness list_slice list_sort
list_stddev_pop list_stddev_samp list_string_agg list_sum list_transform list_unique list_value
list_var_pop list_var_samp list_where list_zip ln log log10 log2 lower lpad ltrim make_date
make_time make_timestamp make_timestamp_ms make_timestamp_ns map map_concat map_contains
map_contains_entry map_contains_value map_entries map_extract map_extract_value map_from_entries
map_keys map_values md5 md5_number md5_number_lower md5_number_upper microsecond millennium
millisecond minute mismatches mod month monthname multiply nanosecond nextafter nfc_normalize
normalized_interval nullif octet_length ord overlay parse_dirname parse_dirpath parse_filename
parse_formatted_bytes parse_path pi position pow power prefix printf quarter radians range
regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace
regexp_split_to_array regexp_split_to_table repeat replace reverse right right_grapheme round
round_even roundbankers row row_to_json rpad rtrim second set_bit sha1 sha256 sign signbit sin sinh
split split_part sqrt starts_with str_split str_split_regex strftime string_split
string_split_regex string_to_array strip_accents strlen strpos strptime struct_concat
struct_contains struct_extract struct_extract_at struct_has struct_indexof struct_insert
struct_keys struct_pack struct_position struct_update struct_values substr substring
substring_grapheme subtract suffix tan tanh time_bucket timezone timezone_hour timezone_minute
to_base to_base64 to_binary to_centuries to_days to_decades to_hex to_hours to_json to_microseconds
to_millennia to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks
to_years translate trim trunc try_strptime typeof ucase unbin unhex unicode union_extract union_tag
union_value upper url_decode url_encode week weekday weekofyear xor year yearweek
""")
"""Functions whose result depends on their arguments alone, of one row.

The time zone, on which some of them depend, is always UTC in the engines that refresh tables.
"""

SYNTAX: frozenset[str] = _names("""
cast coalesce extract grouping grouping_id ifnull nvl position substring trim try_cast unnest
""")
"""What is written like a function, is in the grammar of DuckDB, and depends on its arguments."""

AGGREGATES: frozenset[str] = _names("""
approx_count_distinct avg bit_and bit_or bit_xor bitstring_agg bool_and bool_or corr count count_if
count_star countif covar_pop covar_samp entropy favg fsum geomean geometric_mean histogram
histogram_exact kahan_sum kurtosis kurtosis_pop mad max mean median min product quantile
quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
regr_sxx regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp sum sum_no_overflow sumkahan
var_pop var_samp variance wavg weighted_avg percentile_cont percentile_disc every
""")
"""Aggregates that do not depend on the order of rows, but for the last bits of floats."""

ORDERED_AGGREGATES: frozenset[str] = _names("""
any_value arbitrary array_agg first group_concat last list listagg string_agg json_group_array
json_group_object variant_group_array
""")
"""Aggregates that depend on the order of rows, which ORDER BY within them fixes but for ties."""

UNSTABLE_AGGREGATES: frozenset[str] = _names("""
approx_quantile approx_top_k arg_max arg_max_null arg_max_nulls_last arg_min arg_min_null
arg_min_nulls_last argmax argmin json_group_structure lttb max_by min_by mode reservoir_quantile
""")
"""Aggregates whose result among equals, or altogether, depends on the order of rows."""

WINDOW_ONLY: frozenset[str] = _names("cume_dist dense_rank percent_rank rank")
"""Window functions that treat rows of equal order alike."""

ORDERED_WINDOW_ONLY: frozenset[str] = _names(
    "fill first_value lag last_value lead nth_value ntile row_number"
)
"""Window functions that depend on the order of rows, which ORDER BY fixes but for ties."""

TABLE_FUNCTIONS: frozenset[str] = _names("generate_series range unnest")
"""Table functions that read nothing but their arguments."""

VOLATILE: frozenset[str] = _names("""
random uuid gen_random_uuid uuidv4 uuidv7 nextval currval setval setseed sleep_ms error
current_query_id current_transaction_id txid_current current_connection_id write_log stats
vector_type pg_sleep
""")
"""Functions that may give another result with each call."""

CLOCK: frozenset[str] = _names("""
now today get_current_time get_current_timestamp transaction_timestamp current_date current_time
current_timestamp current_localtime current_localtimestamp localtime localtimestamp ago
""")
"""Functions that read the clock once in a query."""

SESSION: frozenset[str] = _names("""
getvariable current_setting current_user user session_user current_role current_catalog
current_schema current_schemas current_database current_query in_search_path getenv version
pg_typeof inet_client_addr inet_client_port inet_server_addr inet_server_port
""")
"""Functions that read the session or the machine."""

BARE: frozenset[str] = _names("""
current_catalog current_date current_localtime current_localtimestamp current_role current_schema
current_time current_timestamp current_user localtime localtimestamp session_user user
""")
"""Functions that are called without parentheses."""

ALL_AGGREGATES = AGGREGATES | ORDERED_AGGREGATES | UNSTABLE_AGGREGATES
"""Every aggregate that is known, of any kind."""

TRUSTED = SCALAR | SYNTAX | AGGREGATES | ORDERED_AGGREGATES | WINDOW_ONLY | ORDERED_WINDOW_ONLY
"""Functions that give the same for the same rows, in the order that the query fixes."""
