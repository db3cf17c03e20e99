package log

import "strconv"

// LooseStats returns a file's statistics as they must be once a deletion vector has some of its rows: rows, the number in
// the file, is in them, and they say that bounds and null counts are those of all rows, gone or not. What they say
// besides stays as it is; statistics that cannot be read go.
func LooseStats(stats string, rows int64) string {
	b := strconv.AppendInt([]byte(`{"numRecords":`), rows, 10)
	head := len(b)
	s := &scanner{data: []byte(stats)}
	err := s.object(func(key []byte) error {
		if k := string(key); k != "numRecords" && k != "tightBounds" {
			b = append(AppendString(append(b, ','), k), ':')
			raw, err := s.raw()
			b = append(b, raw...)
			return err
		}
		return s.skip()
	})
	if err != nil {
		b = b[:head]
	}
	return string(append(b, `,"tightBounds":false}`...))
}
