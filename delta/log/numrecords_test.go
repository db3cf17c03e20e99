package log

import "testing"

// TestNumRecords: the number is found wherever it stands, and what is no number of rows is not taken for one.
func TestNumRecords(t *testing.T) {
	for stats, want := range map[string]int64{
		`{"numRecords":0}`: 0, `{"numRecords":7,"minValues":{"a":1}}`: 7, `{"numRecords":999999999999999999}`: 999999999999999999,
		`{"numRecords":9223372036854775807}`: 9223372036854775807, `{ "numRecords" : 7 }`: 7, `{"nullCount":{"numRecords":1},"numRecords":2}`: 2,
		`{"numRecords": 12 ,"tightBounds":true}`: 12,
		``:                                       -1, `{}`: -1, `{"numRecords":}`: -1, `{"numRecords":null}`: -1, `{"numRecords":-1}`: -1, `{"numRecords":1.5}`: -1, `{"numRecords":"1"}`: -1,
		`{"numRecords":12`: -1, `{"numRecords":9223372036854775808}`: -1, `{"minValues":{"numRecords":3}}`: -1,
	} {
		if n, told := NumRecords(stats); told != (want >= 0) || told && n != want {
			t.Errorf("%s: %d, %v; want %d", stats, n, told, want)
		}
	}
}
