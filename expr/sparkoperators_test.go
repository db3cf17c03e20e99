package expr

import (
	"fmt"
	"slices"
	"strings"
)

// samples are a value or two of each type, among them the bounds.
var samples = []string{"null", "true", "7Y", "-128Y", "300S", "12", "-2147483648", "9223372036854775807L", "1.5F", "float('NaN')", "-2.5D", "double('Infinity')",
	"12.345BD", "-99999999999999999999999999999999999999BD", "'12'", "'x'", "''", "X'0041'", "DATE'2024-02-29'", "TIMESTAMP'2024-02-29 23:59:59.999999'",
	"TIMESTAMP_NTZ'2024-02-29 12:30:00'", "INTERVAL '1-2' YEAR TO MONTH", "INTERVAL '1 02:03:04.5' DAY TO SECOND", "array(1, null)", "map('a', 1)",
	"named_struct('a', 1)", "parse_json('12')"}

// targets are the types that casts are asked for.
var targets = []string{"boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(10,2)", "decimal(38,18)", "decimal(3,3)", "string", "binary", "date",
	"timestamp", "timestamp_ntz", "interval year to month", "interval day to second", "array<string>", "array<int>", "map<string,bigint>", "struct<a:string>", "variant"}

// readings are texts that are cast to each of the types before the colon.
var readings = map[string][]string{
	"tinyint int bigint": {" 12 ", "+5", "-0", "1e3", "0x1F", "1.9", "-.5", "5.", ".", "", " ", "-", "127", "128", "-129", "2147483648", "-9223372036854775808", "9223372036854775808",
		"99999999999999999999999", "1 2", "1_000", "12L", "\\u0661", "NaN", "\\t3\\n"},
	"double float decimal(10,2) decimal(38,0)": {" 1.5 ", "+.5", "5.", "1e3", "1E-400", "1e400", "Infinity", "-inf", "+INF", "nan", "NaN", "1d", "1f", "0x1p3", "1,000", "e5", "1e", "",
		"0.005", "0.015", "-0.005", "12345678.905", "99999999.994", "99999999.995", "123456789012345678901234567890123456789", "00012.30", "1.5D ", "- 1"},
	"boolean": {"true", "T", " y ", "YES", "1", "0", "off", "on", "2", "f", "no", "", "TRUE\\n", "tru"},
	"date timestamp timestamp_ntz": {"2024", "2024-2", "2024-2-9", " 2024-02-29 ", "2023-02-29", "2024-02-30", "2024-13-01", "2024-02-29T", "2024-02-29 x", "2024-02-29 12", "2024-02-29 12:30",
		"2024-02-29T12:30:45", "2024-02-29 12:30:45.1", "2024-02-29 12:30:45.123456789", "2024-02-29 12:30:60", "2024-02-29 24:00:00", "2024-02-29 1:2:3", "2024-02-29 12:30:45Z",
		"2024-02-29 12:30:45 UTC", "2024-02-29T12:30:45+01:00", "2024-02-29T12:30:45-1:30", "2024-02-29T12:30:45+0130", "2024-02-29 12:30:45 Europe/Paris", "2024-02-29 12:30:45 EST",
		"2024-02-29 12:30:45 PST", "2024-02-29 12:30:45GMT+8", "2024-02-29 12:30:45UTC+08:30", "2024-02-29 12:30:45+19:00", "2024-02-29 12:30:45 Nowhere/City", "0000-01-01", "0001-1-1",
		"-0001-01-01", "+10000-01-01", "10000-01-01", "99999-12-31", "294247-01-10 04:00:54.775807", "294247-01-10 04:00:54.775808", "5881580-07-11", "5881580-07-12",
		"24-02-29", "2024/02/29", "20240229", "", "epoch", "2024-02-29 12:30:45.", "2024-02-29  12:30:45", "2024-3-31 02:30:00", "2024-10-27 02:30:00", "2024-11-03 01:30:00"},
	"interval year to month": {"1-2", "+1-2", "-1-2", "1-12", "178956970-8", "INTERVAL '1-2' YEAR TO MONTH", "INTERVAL -'1-2' YEAR TO MONTH", "interval '3' month", "1 year 2 months", "", "x", " 1-2 ", "1"},
	"interval day to second": {"1 02:03:04", "1 2:3:4", "-1 02:03:04.123456", "1 24:00:00", "1 02:03:04.1234567", "INTERVAL '1 02:03:04' DAY TO SECOND", "interval '5' hour", "5 hours", "", "1", " 1 02:03:04 ",
		"106751991 04:00:54.775807", "106751991 04:00:54.775808"},
}

// patternTexts are formats of times, beside every letter alone.
var patternTexts = []string{"yyyy-MM-dd HH:mm:ss.SSSSSS", "yyyy-MM-dd'T'HH:mm:ssXXX", "dd MMM yyyy", "EEEE, d MMMM yyyy", "h:mm a", "hh 'o''clock' a, zzzz", "yyyyMMdd", "yyMMdd", "yyyy'Q'q", "QQQ yyyy",
	"[yyyy-MM-dd][ HH:mm]", "''yyyy", "'yyyy", "yyyy-MM-dd]", "[yyyy", "D/yyyy", "DDD-yyyy", "kk:mm", "KK:mm a", "HH:mm:ss.S", "HH:mm:ss,SSS", "uuuu-MM-dd", "G yyyy", "YYYY-ww", "e", "F", "W", "c", "A", "n", "N",
	"{yyyy}", "yyyy#MM", "yyyy|MM", "", " ", "yyyy-MM-dd VV", "yyyy-MM-dd z", "x", "ZZZZZ", "OOOO", "L", "LLL", "LLLL", "yyyyyyy", "MMMMM", "EEEEE", "y-M-d H:m:s", "BBBB", "p", "I", "T", "j", "J", "l", "o", "r", "R", "U", "v", "w", "b", "C", "f", "g", "i", "P", "t"}

var patternInputs = []string{"2024-02-09 03:04:05.678901", "2024-02-09T03:04:05+01:00", "09 Feb 2024", "Friday, 9 February 2024", "3:04 PM", "20240209", "240209", "2024Q1", "2024-02-09", "2024-02-09 13:14", "40/2024", "040-2024", "24:30", "00:15 am",
	"03:04:05.6", "03:04:05,678", "2024", "12", "2024-02-09 America/New_York", "2024-02-09 PST", "+05:30", "Feb", "x"}

var extractFields = []string{"YEAR", "YEAROFWEEK", "QUARTER", "MONTH", "WEEK", "DAY", "DAYOFWEEK", "DAYOFWEEK_ISO", "DOY", "HOUR", "MINUTE", "SECOND", "EPOCH", "CENTURY", "MILLENNIUM", "MICROSECOND", "MON", "MINS", "TIMEZONE", "X"}

var extractSources = []string{"DATE'2026-12-31'", "DATE'0000-01-01'", "TIMESTAMP'2026-12-31 23:59:58.123456'", "TIMESTAMP_NTZ'2027-01-01 00:00:00'", "INTERVAL '-3-5' YEAR TO MONTH", "INTERVAL '-1 02:03:04.5' DAY TO SECOND", "'2026-01-01'", "12", "null"}

// instants are wall clocks at which the offset changes in one of the zones of sparkModes, and others.
var instants = []string{"2026-03-29 01:59:59", "2026-03-29 02:30:00", "2026-03-29 03:00:00", "2026-10-25 01:30:00", "2026-10-25 02:30:00", "2026-10-25 03:00:00", "2026-03-08 02:15:00", "2026-11-01 01:15:00", "2026-11-01 00:59:59.999999",
	"1945-10-15 00:10:00", "1900-01-01 00:00:00", "1883-11-18 12:00:00", "0001-01-01 00:00:00", "2100-07-01 12:00:00"}

// zoned are expressions of a time t whose result hangs on the session's zone.
var zoned = []string{"TIMESTAMP'%s'", "cast('%s' as timestamp) + INTERVAL '1' DAY", "TIMESTAMP'%s' + INTERVAL '24' HOUR", "TIMESTAMP'%s' - INTERVAL '1' MONTH", "date_trunc('HOUR', TIMESTAMP'%s')", "date_trunc('DAY', TIMESTAMP'%s')",
	"date_trunc('WEEK', TIMESTAMP'%s')", "unix_timestamp(TIMESTAMP'%s')", "unix_micros(TIMESTAMP'%s')", "cast(TIMESTAMP'%s' as timestamp_ntz)", "cast(TIMESTAMP_NTZ'%s' as timestamp)", "cast(TIMESTAMP'%s' as date)",
	"date_format(TIMESTAMP'%s', 'yyyy-MM-dd HH:mm:ss z XXX VV')", "date_format(TIMESTAMP'%s', 'O ZZZZ x ZZZZZ xxx')", "to_utc_timestamp(TIMESTAMP'%s', 'America/New_York')", "from_utc_timestamp(TIMESTAMP'%s', 'Europe/Berlin')",
	"hour(TIMESTAMP'%s')", "TIMESTAMP'%s' - TIMESTAMP'2026-03-01 00:00:00'", "timestampdiff(HOUR, TIMESTAMP'2026-03-01 00:00:00', TIMESTAMP'%s')", "timestampdiff(DAY, TIMESTAMP'%s', TIMESTAMP'2026-12-01 00:00:00')",
	"timestampadd(MONTH, 1, TIMESTAMP'%s')", "timestampadd(DAY, -1, TIMESTAMP'%s')", "to_timestamp('%s')", "to_unix_timestamp('%s')", "cast(TIMESTAMP'%s' as string)", "cast(TIMESTAMP'%s' as bigint)",
	"convert_timezone('UTC', TIMESTAMP_NTZ'%s')", "TIMESTAMP'%s' > TIMESTAMP_NTZ'2026-10-25 01:30:00'", "make_timestamp(2026, 3, 29, hour(TIMESTAMP'%s'), 30, 0)", "to_json(struct(TIMESTAMP'%s' as t))",
	"extract(SECOND FROM TIMESTAMP'%s')", "from_unixtime(unix_timestamp(TIMESTAMP'%s'))", "sequence(TIMESTAMP'%[1]s', TIMESTAMP'%[1]s' + INTERVAL '2' DAY, INTERVAL '1' DAY)", "months_between(TIMESTAMP'%s', TIMESTAMP'2026-01-31 10:00:00')",
	"date_diff(TIMESTAMP'%s', DATE'2026-01-01')", "window_time(null)"}

// intervalTexts are literals and arithmetic of intervals.
var intervalTexts = []string{"INTERVAL 1 DAY", "INTERVAL '1' DAY", "INTERVAL -1 MONTH", "INTERVAL '1' YEAR", "INTERVAL '1-2' YEAR TO MONTH", "INTERVAL '1 2' DAY TO HOUR", "INTERVAL '1 2:3' DAY TO MINUTE", "INTERVAL '2:3' HOUR TO MINUTE", "INTERVAL '2:3:4.5' HOUR TO SECOND",
	"INTERVAL '3:4.5' MINUTE TO SECOND", "INTERVAL '61' MINUTE", "INTERVAL '90' SECOND", "INTERVAL '1.123456' SECOND", "INTERVAL '1 day 2 hours'", "INTERVAL 1 YEAR 2 MONTHS", "INTERVAL 1 WEEK", "INTERVAL 1 DAY 2 HOURS 3 MINUTES", "INTERVAL '1' WEEK", "INTERVAL 5 MILLISECONDS",
	"INTERVAL 5 MICROSECONDS", "INTERVAL 1 QUARTER", "INTERVAL '25' HOUR", "INTERVAL 'x' DAY", "INTERVAL '1-13' YEAR TO MONTH", "INTERVAL 1 MONTH 1 DAY", "INTERVAL '' DAY", "INTERVAL - '1' DAY", "- INTERVAL '1' DAY", "+ INTERVAL '1' DAY",
	"INTERVAL '1' DAY + INTERVAL '2' HOUR", "INTERVAL '1' YEAR + INTERVAL '2' MONTH", "INTERVAL '1' YEAR + INTERVAL '2' DAY", "INTERVAL '1' DAY * 2.5", "2 * INTERVAL '1' YEAR", "INTERVAL '1' MONTH * 1.5D", "INTERVAL '1' DAY / 3", "INTERVAL '1' YEAR / 7", "INTERVAL '1' DAY / 0",
	"INTERVAL '1' DAY / 0.0D", "INTERVAL '1' DAY / null", "INTERVAL '178956970-7' YEAR TO MONTH + INTERVAL '1' MONTH", "INTERVAL '106751991' DAY * 2", "-INTERVAL '-178956970-8' YEAR TO MONTH", "INTERVAL '1' DAY > INTERVAL '23' HOUR", "INTERVAL '1' YEAR = INTERVAL '12' MONTH",
	"INTERVAL '1' DAY = INTERVAL '1' MONTH", "DATE'2024-01-31' + INTERVAL '1' MONTH", "DATE'2024-03-31' - INTERVAL '1' MONTH", "DATE'2024-01-31' + INTERVAL '1' DAY", "DATE'2024-01-31' + INTERVAL '1' HOUR", "TIMESTAMP'2024-01-31 10:00:00' + INTERVAL '1-1' YEAR TO MONTH",
	"INTERVAL '1' DAY + DATE'2024-01-31'", "INTERVAL '1' DAY - DATE'2024-01-31'", "DATE'2024-01-31' - DATE'2023-01-31'", "TIMESTAMP'2024-01-31 10:00:00' - DATE'2024-01-31'", "DATE'2024-01-31' + 1", "1 + DATE'2024-01-31'", "DATE'2024-01-31' - 1", "DATE'2024-01-31' + 1L",
	"DATE'2024-01-31' + 1S", "DATE'2024-01-31' + 1.5", "DATE'2024-01-31' + '1'", "'2024-01-31' + INTERVAL '1' DAY", "TIMESTAMP'2024-01-31 10:00:00' + 1", "DATE'9999-12-31' + 1", "DATE'2024-01-31' + 2147483647", "abs(INTERVAL '-1' DAY)", "sign(INTERVAL '-1' DAY)", "signum(INTERVAL '0' DAY)",
	"cast(INTERVAL '1' DAY as string)", "cast(INTERVAL '1-2' YEAR TO MONTH as int)", "cast(INTERVAL '90' SECOND as int)", "cast(INTERVAL '90' MINUTE as bigint)", "cast(5 as interval day)", "cast(5 as interval year)", "cast(5.5 as interval second)", "cast(300Y as interval day)",
	"cast(INTERVAL '1 02:03:04' DAY TO SECOND as interval hour to minute)", "array(INTERVAL '1' DAY, INTERVAL '1' HOUR)", "coalesce(null, INTERVAL '1' MONTH)", "greatest(INTERVAL '1' DAY, INTERVAL '25' HOUR)", "INTERVAL '1' DAY IN (INTERVAL '24' HOUR)",
	"make_dt_interval(1, 25, 61, 61.5)", "make_dt_interval(100000000000)", "make_ym_interval(1, 13)", "make_ym_interval(2147483647, 1)", "try_add(DATE'2024-01-31', INTERVAL '1' MONTH)", "try_add(TIMESTAMP'294247-01-10 00:00:00', INTERVAL '1' DAY)",
	"try_subtract(INTERVAL '-178956970-8' YEAR TO MONTH, INTERVAL '1' MONTH)", "try_multiply(INTERVAL '106751991' DAY, 2)", "try_divide(INTERVAL '1' DAY, 0)", "to_json(struct(INTERVAL '1' DAY as i))", "INTERVAL '1' DAY || 'x'", "INTERVAL 1.5 SECONDS", "INTERVAL 1.5 DAY", "INTERVAL 1", "INTERVAL"}

// textPatterns are patterns of LIKE, and of RLIKE with Java's syntax.
var textPatterns = map[string][]string{
	"LIKE":   {"'a%'", "'%'", "''", "'_b_'", "'a\\\\%'", "'a\\\\_b'", "'\\\\'", "'a\\\\b'", "'%b%c'", "null", "'A%'", "'a\nb'", "'.*'", "'äö%'", "'_'", "12", "'%\\\\'", "'\\\\\\\\%'", "'a%' ESCAPE '/'", "'a/%' ESCAPE '/'", "'a/b' ESCAPE '/'", "'a%' ESCAPE ''", "'a%' ESCAPE 'ab'", "ANY ('x%', 'a%')", "ALL ('x%', 'a%')", "ANY (null, 'a%')", "ALL ()"},
	"ILIKE":  {"'A%'", "'a_C'", "'ÄÖ%'", "ANY ('X', 'A%')"},
	"RLIKE":  {"'^a'", "'a.c'", "'['", "'(?i)A'", "'(?=a)'", "'a(?!x)'", "'(a)\\\\1'", "'a++'", "'\\\\p{Lu}'", "'\\\\p{Alpha}'", "'[a-z&&[^b]]'", "'\\\\d+'", "'\\\\bc'", "'\\\\Qa\\\\E'", "''", "null", "'a{2,1}'", "'*'", "'\\\\h'", "'\\\\R'", "'(?<n>a)'", "'(?s).'", "'\\\\Z'", "'\\\\u0061'", "'\\\\x61'", "'[[:alpha:]]'"},
	"REGEXP": {"'^a.*c$'"},
}

// operatorStatements are those of what is written without a name: operators, casts, literals, and the patterns of times.
func operatorStatements() []sparkCase {
	var l []sparkCase
	add := func(of, mode, text string, columns ...string) {
		l = append(l, sparkCase{Function: of, Mode: mode, Text: text, Columns: columns})
	}
	both := func(of, text string) { add(of, "", text); add(of, "legacy", text) }
	binaryStatements(add)
	castStatements(add)
	decimalStatements(both)
	timeStatements(add)
	conditionStatements(add, both)
	slices.SortFunc(l, func(a, b sparkCase) int { return strings.Compare(a.Function+a.key(), b.Function+b.key()) })
	return slices.CompactFunc(l, func(a, b sparkCase) bool { return a.Function == b.Function && a.key() == b.key() })
}

// binaryStatements puts a value of every type beside one of every other.
func binaryStatements(add func(of, mode, text string, columns ...string)) {
	var one []string // of each type
	for _, x := range samples {
		if !strings.ContainsAny(x, "-(") || strings.Contains(x, "'") && !strings.Contains(x, "float(") && !strings.Contains(x, "double(") {
			one = append(one, x)
		}
	}
	operators := []string{"+", "=", "-", "*", "/", "%", "div", "||", "<", "<=>", "&", "|", "AND", "OR"}
	forms := []string{"coalesce(%s, %s)", "%s IN (%s)", "array(%s, %s)", "if(true, %s, %s)"}
	for i, x := range one {
		for k, y := range one {
			for j, op := range operators {
				if j > 1 && (i+2*k+j)%3 != 0 {
					continue
				}
				add("operator "+strings.ToLower(op), "", x+" "+op+" "+y)
				if (i+k+j)%2 == 0 && j < 8 {
					add("operator "+op, "legacy", x+" "+op+" "+y)
				}
				if (i*len(one)+k+j)%11 == 0 && i > 0 && k > 0 {
					add("operator "+strings.ToLower(op), "", "c0 "+op+" c1", x, y)
				}
			}
			for j, form := range forms {
				of := map[bool]string{true: "common type", false: "operator in"}[!strings.Contains(form, "IN")]
				if j == 0 || (i+k+j)%3 == 0 {
					add(of, "", fmt.Sprintf(form, x, y))
				}
				if (i+2*k+j)%3 == 0 && j < 2 {
					add(of, "legacy", fmt.Sprintf(form, x, y))
				}
			}
		}
	}
	for _, x := range samples {
		for _, op := range []string{"-", "+", "~", "NOT "} {
			add("operator unary", "", op+x)
			add("operator unary", "legacy", op+x)
		}
		for _, is := range []string{"NULL", "TRUE", "NOT FALSE", "UNKNOWN", "DISTINCT FROM 12", "NOT NULL"} {
			add("operator is", "", x+" IS "+is)
		}
	}
}

func castStatements(add func(of, mode, text string, columns ...string)) {
	for _, x := range samples {
		for k, t := range targets {
			add("cast", "", "cast("+x+" AS "+t+")")
			add("cast", "legacy", "cast("+x+" AS "+t+")")
			add("try_cast", "", "try_cast("+x+" AS "+t+")")
			if k%4 == 0 && x != "null" {
				add("cast", "", "cast(c0 AS "+t+")", x)
			}
		}
	}
	for _, x := range []string{"128", "-32769S", "32768", "2147483648L", "1e10D", "-1.9D", "127.9F", "1e20D", "double('NaN')", "1e39BD", "255.5BD", "0.5BD", "-0.5D", "2.5D", "1e38D", "3.4e38F", "1.17e-45D", "100000000000L", "253402300800L", "-62135596801L", "9223372036854.775807BD"} {
		for _, t := range []string{"tinyint", "smallint", "int", "bigint", "float", "double", "decimal(10,2)", "decimal(3,1)", "decimal(38,37)", "boolean", "timestamp", "string", "date"} {
			add("cast", "", "cast("+x+" AS "+t+")")
			add("cast", "legacy", "cast("+x+" AS "+t+")")
		}
	}
	for kinds, texts := range readings {
		for t := range strings.FieldsSeq(strings.ReplaceAll(kinds, "interval ", "interval_")) {
			t = strings.ReplaceAll(t, "_y", " y")
			t = strings.ReplaceAll(t, "_d", " d")
			if strings.HasPrefix(kinds, "interval") {
				t = kinds
			}
			for i, s := range texts {
				x := "cast('" + s + "' AS " + t + ")"
				add("cast", "", x)
				if i%2 == 0 {
					add("cast", "legacy", x)
				}
				if strings.HasPrefix(t, "timestamp") {
					add("cast", "zone", x)
				}
			}
		}
	}
}

// decimalStatements holds precision and scale of results.
func decimalStatements(both func(of, text string)) {
	types := []string{"decimal(1,0)", "decimal(5,2)", "decimal(10,10)", "decimal(18,4)", "decimal(38,0)", "decimal(38,18)", "decimal(38,38)"}
	for i, p := range types {
		for k, q := range types {
			for _, op := range []string{"+", "-", "*", "/", "%", "div"} {
				both("decimal "+op, fmt.Sprintf("cast(0.%d AS %s) %s cast(0.3 AS %s)", 4+i, p, op, q))
				if k < 3 {
					both("decimal "+op, fmt.Sprintf("cast(%d AS %s) %s cast(1 AS %s)", 9, p, op, q))
				}
			}
		}
		for _, y := range []string{"3", "3Y", "30000000000L", "2.5F", "'2.5'", "null"} {
			for _, op := range []string{"+", "*", "/", "%"} {
				both("decimal "+op, fmt.Sprintf("cast(0.25 AS %s) %s %s", p, op, y))
			}
		}
		for _, f := range []string{"round(%s, 1)", "ceil(%s)", "floor(%s)", "abs(%s)", "negative(%s)", "bround(%s, 0)", "sqrt(%s)", "power(%s, 2)", "pmod(%s, 3)", "round(%s, -1)", "ceil(%s, 1)", "hash(%s)"} {
			both("decimal functions", fmt.Sprintf(f, "cast(0.25 AS "+p+")"))
		}
	}
	for _, x := range []string{"1.0", "0.1", "00.10", "1e3", "1.5e-3", "1E400", "123456789012345678901234567890123456789", "12345678901", "2147483648", "9223372036854775808", ".5", "5.", "1e39BD", "0.00BD", "1L", "128Y", "32768S", "9223372036854775808L", "1e400D", "1F", "1.5BD", "1e-39BD", "-9223372036854775808", "-2147483648", "0x1F", "1__0"} {
		both("literal", x)
	}
}

func timeStatements(add func(of, mode, text string, columns ...string)) {
	for _, p := range patternTexts {
		text := strings.ReplaceAll(p, "'", "\\'")
		add("pattern", "", "date_format(TIMESTAMP'2024-02-09 03:04:05.678901', '"+text+"')")
		add("pattern", "zone", "date_format(TIMESTAMP'2024-07-09 15:04:05.678901', '"+text+"')")
		for i, s := range patternInputs {
			if len(s) < 3 && len(p) > 4 || i%2 == 1 && len(p) < 3 {
				continue
			}
			if v := ours(sparkCase{Text: "try_to_timestamp('" + s + "', '" + text + "')"}); i%4 == 0 || v.Class != "" || v.Values[0] != nil {
				add("pattern", "", "to_timestamp('"+s+"', '"+text+"')")
			}
		}
	}
	for c := 'A'; c <= 'z'; c++ {
		if c > 'Z' && c < 'a' {
			continue
		}
		for n := 1; n <= 6; n++ {
			add("pattern", "", "date_format(TIMESTAMP'2024-02-09 03:04:05.678901', '"+strings.Repeat(string(c), n)+"')")
		}
	}
	for _, f := range extractFields {
		for _, s := range extractSources {
			add("extract", "", "extract("+f+" FROM "+s+")")
		}
		add("extract", "zone", "date_part('"+f+"', TIMESTAMP'2026-03-29 03:30:00')")
	}
	for _, mode := range []string{"", "zone", "york", "kolkata"} {
		for i, t := range instants {
			for k, z := range zoned[:len(zoned)-1] {
				if mode != "" || (i+k)%4 == 0 {
					add("zones", mode, fmt.Sprintf(z, t))
				}
			}
		}
	}
	for _, x := range intervalTexts {
		add("interval", "", x)
		add("interval", "legacy", x)
	}
	for _, unit := range []string{"MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "DAYOFYEAR", "WEEK", "MONTH", "QUARTER", "YEAR", "CENTURY", "'DAY'"} {
		for _, t := range []string{"TIMESTAMP'2024-01-31 12:00:00'", "DATE'2024-01-31'", "TIMESTAMP_NTZ'2024-03-30 02:30:00'", "'2024-01-31'", "null"} {
			add("timestampadd", "zone", "timestampadd("+unit+", 1, "+t+")")
			add("timestampdiff", "zone", "timestampdiff("+unit+", "+t+", TIMESTAMP'2027-05-01 11:59:59')")
			add("timestampadd", "", "dateadd("+unit+", -13, "+t+")")
			add("timestampdiff", "", "datediff("+unit+", TIMESTAMP'2027-05-01 11:59:59', "+t+")")
		}
	}
}

func conditionStatements(add func(of, mode, text string, columns ...string), both func(of, text string)) {
	for op, patterns := range textPatterns {
		for _, p := range patterns {
			for _, s := range []string{"'abc'", "c0"} {
				if s == "c0" {
					add("operator "+strings.ToLower(op), "", s+" "+op+" "+p, "'a_b'")
				} else {
					add("operator "+strings.ToLower(op), "", s+" "+op+" "+p)
					add("operator "+strings.ToLower(op), "", s+" NOT "+op+" "+p)
				}
			}
		}
	}
	for _, x := range []string{"CASE WHEN true THEN 1 ELSE 'a' END", "CASE WHEN false THEN 1/0 ELSE 2 END", "CASE 1 WHEN '1' THEN 'x' END", "CASE WHEN null THEN 1 END", "CASE WHEN 1 THEN 2 END", "CASE WHEN 'true' THEN 2 END", "CASE null WHEN null THEN 1 ELSE 2 END",
		"CASE WHEN true THEN null ELSE 1.5 END", "CASE WHEN true THEN array(1) ELSE array('a') END", "CASE WHEN true THEN DATE'2024-01-01' ELSE TIMESTAMP'2024-01-01 00:00:00' END", "CASE WHEN true THEN 1 ELSE array(1) END", "CASE 1 WHEN 2 THEN 1/0 ELSE 3 END",
		"CASE WHEN true THEN cast(1.5 as decimal(5,2)) ELSE 12345678L END", "if(null, 1, 2)", "if(1 = 1, 1, 1/0)", "if('x', 1, 2)", "if(1, 1, 2)", "coalesce(null, null)", "coalesce(1, 1/0)", "nvl(1, 1/0)", "nullif(1, '1')", "nullif('a', 1)", "nvl2(null, 1/0, 2)", "nullifzero(0)", "zeroifnull(null)",
		"false AND 1/0 > 1", "true OR 1/0 > 1", "null AND false", "null OR true", "1/0 > 1 AND false", "NOT null", "1 IN (1, null)", "2 IN (1, null)", "null IN (1)", "1 NOT IN (2, null)", "1 IN ('1', 2.0)", "1 IN (array(1))", "(1, 2) IN ((1, 2), (3, 4))", "1 IN (1, 1/0)", "2 BETWEEN 1 AND 3", "2 BETWEEN 3 AND 1", "2 NOT BETWEEN 1 AND null",
		"'b' BETWEEN 'a' AND 'c'", "2 BETWEEN '1' AND '3'", "DATE'2024-01-01' BETWEEN '2023-01-01' AND '2025-01-01'", "null BETWEEN 1 AND 2", "array(1) BETWEEN array(0) AND array(2)", "map() = map()", "struct(1, 'a') = struct(1, 'a')", "struct(1) < struct(2)", "struct(1, 2) = struct(1)", "array(1, 2) < array(1, 3)", "array(null) = array(null)", "named_struct('a', 1) = named_struct('b', 1)",
		"double('NaN') = double('NaN')", "double('NaN') > double('Infinity')", "-0.0D = 0.0D", "null <=> null", "'a' = X'61'", "true = 1", "true = 'true'", "true > false", "1 = 'x'", "1 <> 1.0", "1 != 2", "1 == 1L", "'1' = 1L", "'1.0' = 1", "'1.5' > 1", "DATE'2024-01-01' = '2024-01-01'", "DATE'2024-01-01' = 'x'", "TIMESTAMP'2024-01-01 00:00:00' = DATE'2024-01-01'",
		"array(1, 2, 3)[0]", "array(1, 2, 3)[3]", "array(1, 2, 3)[-1]", "array(1)[null]", "array(1)['0']", "array(1)['a']", "map('a', 1)['a']", "map('a', 1)['b']", "map(1, 2)['1']", "map('a', 1)[1]", "named_struct('a', 1).a", "named_struct('a', 1).b", "named_struct('a', 1)['a']", "array(named_struct('a', 1), named_struct('a', 2)).a", "'abc'[0]", "1[0]",
		"parse_json('{\"a\":{\"b\":[1,2]}}'):a.b[1]", "parse_json('{\"a\":1}'):a::int", "1::string", "'1'::int + 1", "'a'::int", "1 + null", "1 / 0", "1 % 0", "1 div 0", "1.0 / 0", "1.0D / 0", "0.0D / 0", "1 / 0.0D", "5 / 2", "5 div 2", "-5 div 2", "-5 % 3", "5 % -3", "-5.5 % 3", "mod(5, 0)", "pmod(-5, 3)", "pmod(5, 0)", "2147483647 + 1", "2147483647 * 2", "-2147483648 - 1", "-(-2147483648)", "9223372036854775807 + 1",
		"-9223372036854775808 div -1", "-9223372036854775808 % -1", "127Y + 1Y", "127Y * 2Y", "-(-128Y)", "abs(-2147483648)", "abs(-128Y)", "32767S + 1S", "1Y + 1S", "1 + 1L", "1L + 1F", "1F + 1D", "1 + '1'", "1 + 'x'", "'1' + '2'", "1.5 + '1'", "1L + '1.5'", "true + 1", "1 + true", "DATE'2024-01-01' + DATE'2024-01-01'", "X'01' + 1", "3 & 5", "3 | 5L", "3 ^ 5Y", "~5", "~5.0", "1 << 2", "1 << 33", "-1 >> 1", "-1 >>> 1", "1L << 65", "3 & '5'", "shiftleft(1, 31)",
		"'a' || 'b' || null", "'a' || 1", "1 || 2", "array(1) || array(2)", "array(1) || 'x'", "X'01' || X'02'", "X'01' || 'a'", "array(1) || array('a')", "'a' 'b'", "r'a\\n'", "'\\u0041\\101'", "\"dq\"", "'it''s'", "X'0'", "X'GG'", "DATE'x'", "TIMESTAMP'2024-01-01 99:00:00'", "TIMESTAMP'2024-01-01 00:00:00 Europe/Paris'", "TIMESTAMP_LTZ'2024-01-01 00:00:00'", "cast('a' as varchar(1))", "cast('abc' as varchar(2))", "cast('a' as char(3)) || 'x'", "cast(123 as varchar(2))",
		"extract(x FROM y)", "foo(1)", "c9", "1 +", "(1", "1 2", "*", "x -> x", "a.b", "`a`", "cast(1 as foo)", "cast(1 as decimal(39,0))", "cast(1 as decimal(3,4))", "cast(1 as decimal)", "cast(1 as dec(5))", "cast(1 as numeric(5,1))", "cast(1 as long)", "cast(1 as byte)", "cast(1 as real)", "substring('abc' FROM 2 FOR 1)", "trim(BOTH 'x' FROM 'xax')", "trim(LEADING FROM ' a')", "position('b' IN 'abc')", "overlay('abc' PLACING 'X' FROM 2)", "ceil(1.5)", "if(true)", "named_struct('a')", "struct()", "array()", "map()", "map(1)", "map(null, 1)", "map(1, 2, 1, 3)",
		"date_add(date => DATE'2024-01-01', days => 1)", "mask('AbC1', upperChar => 'Q', lowerChar => 'q')", "mask(str => 'AbC1', digitChar => null)", "mask('AbC1', 'Q', upperChar => 'q')", "mask('A', foo => 'x')", "mask(upperChar => 'q')", "mask('A', upperChar => 'q', upperChar => 'p')", "abs(x => 1)"} {
		both("expression", x)
	}
}
