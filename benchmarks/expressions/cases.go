package expressions

// Case is one expression, as it is written here and in DuckDB.
type Case struct {
	Name    string
	Kind    string   // integer, string, date, regex, nested: whose table it reads
	Zone    string   // of the session; "": UTC
	SQL     string   // Spark's
	DuckDB  string   // the same there
	Columns []string // that it reads, for DuckDB
	Micros  bool     // the result is a timestamp: it is compared in microseconds
}

const newYork = "America/New_York"

// Cases returns the expressions, in the order in which they run.
func Cases() []Case {
	return []Case{
		{Name: "integer_case", Kind: "integer", Columns: []string{"quantity"},
			SQL:    "CASE WHEN quantity > 50 THEN quantity * 10 WHEN quantity % 2 = 0 THEN quantity + 1 ELSE quantity - 1 END",
			DuckDB: "CASE WHEN quantity > 50 THEN quantity * 10 WHEN quantity % 2 = 0 THEN quantity + 1 ELSE quantity - 1 END"},
		{Name: "integer_bucket", Kind: "integer", Columns: []string{"id", "quantity"},
			SQL: "(id * 31 + quantity) % 1000", DuckDB: "(id * 31 + quantity) % 1000"},
		{Name: "decimal_convert", Kind: "integer", Columns: []string{"price"}, // Nexmark q1
			SQL: "round(price * 0.908, 2)", DuckDB: "round(price * 0.908, 2)"},
		{Name: "decimal_charge", Kind: "integer", Columns: []string{"extendedprice", "discount", "tax"}, // TPC-H q1
			SQL: "extendedprice * (1 - discount) * (1 + tax)", DuckDB: "extendedprice * (1 - discount) * (1 + tax)"},

		{Name: "string_upper_trim", Kind: "string", Columns: []string{"name"},
			SQL: "upper(trim(name))", DuckDB: "upper(trim(name))"},
		{Name: "string_concat", Kind: "string", Columns: []string{"name", "city"},
			SQL: "substring(name, 1, 3) || '-' || replace(city, ' ', '_')", DuckDB: "substring(name, 1, 3) || '-' || replace(city, ' ', '_')"},
		{Name: "string_split_part", Kind: "string", Columns: []string{"url"}, // Nexmark q22
			SQL: "split_part(url, '/', 4)", DuckDB: "split_part(url, '/', 4)"},
		{Name: "string_like", Kind: "string", Columns: []string{"url"},
			SQL: "url LIKE '%/item/%ref=%'", DuckDB: "url LIKE '%/item/%ref=%'"},

		{Name: "date_trunc_day", Kind: "date", Zone: newYork, Columns: []string{"seen"}, Micros: true,
			SQL: "date_trunc('DAY', seen)", DuckDB: "date_trunc('day', seen)"},
		{Name: "date_hour_of_zone", Kind: "date", Columns: []string{"seen"}, // as Nexmark q14's hour
			SQL: "hour(from_utc_timestamp(seen, 'America/New_York'))", DuckDB: "hour(timezone('America/New_York', seen))"},
		{Name: "date_format", Kind: "date", Zone: newYork, Columns: []string{"seen"},
			SQL: "date_format(seen, 'yyyy-MM-dd HH:mm')", DuckDB: "strftime(seen, '%Y-%m-%d %H:%M')"},
		{Name: "date_diff", Kind: "date", Zone: newYork, Columns: []string{"seen", "day"},
			SQL: "datediff(to_date(seen), day)", DuckDB: "date_diff('day', day, CAST(seen AS DATE))"},

		{Name: "regex_replace", Kind: "regex", Columns: []string{"phone"},
			SQL: "regexp_replace(phone, '[^0-9]+', '')", DuckDB: "regexp_replace(phone, '[^0-9]+', '', 'g')"},
		{Name: "regex_extract", Kind: "regex", Columns: []string{"url"}, // Nexmark q21
			SQL: "regexp_extract(url, '(&|^)channel_id=([^&]*)', 2)", DuckDB: "regexp_extract(url, '(&|^)channel_id=([^&]*)', 2)"},
		{Name: "regex_alternation", Kind: "regex", Columns: []string{"agent"},
			SQL: "agent RLIKE 'bot|crawler|spider'", DuckDB: "regexp_matches(agent, 'bot|crawler|spider')"},
		{Name: "regex_anchored", Kind: "regex", Columns: []string{"email"},
			SQL: `email RLIKE '^[a-z0-9._]+@[a-z0-9.-]+\\.[a-z]{2,}$'`, DuckDB: `regexp_matches(email, '^[a-z0-9._]+@[a-z0-9.-]+\.[a-z]{2,}$')`},

		{Name: "nested_transform", Kind: "nested", Columns: []string{"scores"},
			SQL: "transform(scores, s -> s * 2 + 1)", DuckDB: "list_transform(scores, lambda s: s * 2 + 1)"},
		{Name: "nested_contains", Kind: "nested", Columns: []string{"tags"},
			SQL: "array_contains(tags, 'sale')", DuckDB: "list_contains(tags, 'sale')"},
		{Name: "nested_filter", Kind: "nested", Columns: []string{"scores"},
			SQL: "size(filter(scores, s -> s > 50))", DuckDB: "len(list_filter(scores, lambda s: s > 50))"},
		{Name: "nested_lookup", Kind: "nested", Columns: []string{"attributes", "customer"},
			SQL: "coalesce(attributes['color'], customer.address.city)", DuckDB: "coalesce(attributes['color'], customer.address.city)"},
	}
}

// names returns the names of the cases.
func names() []string {
	var l []string
	for _, c := range Cases() {
		l = append(l, c.Name)
	}
	return l
}
