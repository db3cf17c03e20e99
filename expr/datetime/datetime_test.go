package datetime_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/expr/datetime"
)

// TestCivil compares the calendar with the standard library's.
func TestCivil(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.Int32Range(-5_000_000, 5_000_000).Draw(t, "days")
		y, m, d := datetime.Civil(days)
		want := time.Unix(int64(days)*86400, 0).UTC()
		if y != want.Year() || m != int(want.Month()) || d != want.Day() || datetime.Days(y, m, d) != days {
			t.Fatalf("%d: %d-%d-%d, want %s", days, y, m, d, want)
		}
		wy, ww := want.ISOWeek()
		if iy, iw := datetime.ISOWeek(days); iy != wy || iw != ww || datetime.Weekday(days)%7 != int(want.Weekday()) || datetime.YearDay(y, m, d) != want.YearDay() {
			t.Fatalf("%s: week %d %d, weekday %d", want, iy, iw, datetime.Weekday(days))
		}
	})
}

// TestText is the property that what is written is read back.
func TestText(t *testing.T) {
	zones := []*time.Location{nil, time.FixedZone("x", 5*3600+1800), time.FixedZone("y", -9*3600)}
	pattern, err := datetime.NewPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-62135596800e6, 253402300799e6).Draw(t, "micros")
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		text := datetime.AppendTimestamp(nil, datetime.Local(micros, zone))
		local := datetime.Local(micros, zone)
		days := local / datetime.Day
		if local%datetime.Day < 0 {
			days--
		}
		if y, _, _ := datetime.Civil(int32(days)); y < 1 || y > 9998 { // yyyy is the year of the era: it cannot tell year 0 from year 1
			return
		}
		if got, ok := datetime.ParseTimestamp(text, zone, false); !ok || got != micros {
			t.Fatalf("%d -> %s -> %d %t", micros, text, got, ok)
		}
		text = pattern.Append(nil, micros, zone)
		if got, ok := pattern.ParseTimestamp(text, nil); !ok || got != micros {
			t.Fatalf("%d -> %s -> %d %t", micros, text, got, ok)
		}
		if got, ok := datetime.ParseTimestamp(text, nil, false); !ok || got != micros {
			t.Fatalf("cast of %s: %d %t", text, got, ok)
		}
	})
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"2026": "2026-01-01 00:00:00", "2026-3": "2026-03-01 00:00:00", "2026-03-09": "2026-03-09 00:00:00",
		"2026-03-09 1:2:3": "2026-03-09 01:02:03", "2026-03-09T01:02:03.1Z": "2026-03-09 01:02:03.1",
		"2026-03-09 01:02:03 UTC+01:00": "2026-03-09 00:02:03", "2026-03-09 01:02:03+1": "2026-03-09 00:02:03",
		"+12026-03-09": "+12026-03-09 00:00:00", "1969-12-31 23:59:59.999999": "1969-12-31 23:59:59.999999",
		"": "-", "26-03-09": "-", "2026-13-01": "-", "2026-02-29": "-", "2026-03-09x": "-", "2026-03-09 25:00:00": "-",
		"2026-03-09 01:02:03+19:00": "-", "2026-03-09 01:02:03 Mars": "-", "2026-03-09 01:02:03.1234567890": "-", "99999999-01-01": "-",
	} {
		got := "-"
		if v, ok := datetime.ParseTimestamp([]byte(text), nil, false); ok {
			got = string(datetime.AppendTimestamp(nil, v))
		}
		if got != want {
			t.Errorf("%q = %s, want %s", text, got, want)
		}
	}
}

func TestPatternsRefused(t *testing.T) {
	for _, text := range []string{"QQQQQ", "yyyy-MM-dd'", "yyyy]", "YYYY", "MMMMM", "{", "A", "VVV"} {
		if _, err := datetime.NewPattern(text); err == nil {
			t.Errorf("%q was compiled", text)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("yyyy-MM-dd HH:mm:ss[.SSS][XXX]", "2026-03-09 14:05:07.123Z", int64(0))
	f.Add("EEE, d MMM yyyy h:mm a z", "Mon, 9 Mar 2026 2:05 PM UTC", int64(1))
	f.Add("D uu 'x''y' k K O xx", "", int64(-1))
	f.Fuzz(func(t *testing.T, pattern, text string, micros int64) {
		p, err := datetime.NewPattern(pattern)
		if err != nil {
			return
		}
		p.ParseTimestamp([]byte(text), time.UTC)
		p.ParseDate([]byte(text))
		p.Append(nil, micros, time.FixedZone("z", 3600))
	})
}

func FuzzTimestamp(f *testing.F) {
	for _, s := range []string{"2026-03-09 14:05:07.123+01:00", "-0001", "+290000-12-31", "2026-3-9T1:2", "2026-01-01 00:00:00 GMT-1:30:10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		micros, ok := datetime.ParseTimestamp([]byte(text), nil, false)
		if !ok {
			return
		}
		again, ok := datetime.ParseTimestamp(datetime.AppendTimestamp(nil, micros), nil, false)
		if !ok || again != micros {
			t.Fatalf("%q = %d, written %s, read %d %t", text, micros, datetime.AppendTimestamp(nil, micros), again, ok)
		}
	})
}

func ExamplePattern() {
	p, _ := datetime.NewPattern("dd/MM/yyyy HH:mm[:ss]")
	micros, ok := p.ParseTimestamp([]byte("09/03/2026 14:05"), time.UTC)
	fmt.Println(micros, ok, string(p.Append(nil, micros, time.UTC)))
	// Output: 1773065100000000 true 09/03/2026 14:05:00
}

// Two instants between the same multiples of a pattern's step have one text, and some two others have not.
func TestStep(t *testing.T) {
	for text, want := range map[string]int64{"yyyy-MM-dd EEE D": datetime.Day, "MM HH": datetime.Hour, "a": datetime.Hour, "HH:mm": datetime.Minute, "mm:ss": datetime.Second, "ss.S": 1} {
		p, err := datetime.NewPattern(text)
		if err != nil {
			t.Fatal(err)
		}
		if p.Step() != want {
			t.Errorf("%s: step %d, want %d", text, p.Step(), want)
		}
		rapid.Check(t, func(t *rapid.T) {
			from := rapid.Int64Range(-1e6, 1e6).Draw(t, "multiple") * want
			a, b := string(p.Append(nil, from, nil)), string(p.Append(nil, from+rapid.Int64Range(0, want-1).Draw(t, "within"), nil))
			if a != b {
				t.Fatalf("%s: %s and %s", text, a, b)
			}
		})
	}
}
