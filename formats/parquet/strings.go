package parquet

import (
	"encoding/binary"
)

// addStrings appends strings or binaries.
func (l *leafWriter) addStrings(s source) {
	c := s.column
	if l.coding != codingPlain {
		if c.Dict != nil {
			l.addTranslated(s)
		} else {
			l.codes = l.dict.addStrings(l.codes, s, l)
		}
		l.judgeDictionary()
		return
	}
	if c.Dict != nil {
		l.addLooked(s)
		return
	}
	l.plain = appendStrings(l.plain, s)
	l.boundStrings(s)
}

// appendStrings appends the values of s, a column without dictionary, each
// with its length in front.
func appendStrings(out []byte, s source) []byte {
	c, n := s.column, s.len()
	size := 4 * n
	if s.rows == nil {
		size += int(c.Off[s.hi] - c.Off[s.lo])
	} else {
		for _, r := range s.rows {
			size += int(c.Off[r+1] - c.Off[r])
		}
	}
	at := len(out)
	out = extend(out, size)
	if s.rows == nil {
		off := c.Off[s.lo : s.hi+1]
		for i := 0; i < n; i++ {
			v := c.Data[off[i]:off[i+1]]
			binary.LittleEndian.PutUint32(out[at:], uint32(len(v)))
			at += 4 + copy(out[at+4:], v)
		}
		return out
	}
	for _, r := range s.rows {
		v := c.Data[c.Off[r]:c.Off[r+1]]
		binary.LittleEndian.PutUint32(out[at:], uint32(len(v)))
		at += 4 + copy(out[at+4:], v)
	}
	return out
}

func (l *leafWriter) boundStrings(s source) {
	c := s.column
	if s.rows == nil {
		for i := s.lo; i < s.hi; i++ {
			l.bounds.bytes(c.Data[c.Off[i]:c.Off[i+1]])
		}
		return
	}
	for _, r := range s.rows {
		l.bounds.bytes(c.Data[c.Off[r]:c.Off[r+1]])
	}
}

// addLooked appends the values of a dictionary column in plain encoding. Each
// entry of the dictionary is compared with the bounds once per call.
func (l *leafWriter) addLooked(s source) {
	l.startTranslation(s.column.Dict.N)
	d := s.column.Dict
	for i, n := 0, s.len(); i < n; i++ {
		code := s.code(i)
		v := d.Data[d.Off[code]:d.Off[code+1]]
		if l.translate[code] < 0 {
			l.translate[code] = 0
			l.bounds.bytes(v)
		}
		at := len(l.plain)
		l.plain = extend(l.plain, 4+len(v))
		binary.LittleEndian.PutUint32(l.plain[at:], uint32(len(v)))
		copy(l.plain[at+4:], v)
	}
}

// addTranslated appends the codes of a dictionary column, translated to those
// of the file's dictionary; each entry is looked up once per call.
func (l *leafWriter) addTranslated(s source) {
	d := s.column.Dict
	l.startTranslation(d.N)
	for i, n := 0, s.len(); i < n; i++ {
		code := s.code(i)
		t := l.translate[code]
		if t < 0 {
			v := d.Data[d.Off[code]:d.Off[code+1]]
			t = l.dict.addString(v, hashBytes(v), l)
			l.translate[code] = t
		}
		l.codes = append(l.codes, t)
	}
}

func (s source) code(i int) int32 {
	if s.rows != nil {
		return s.column.I32[s.rows[i]]
	}
	return s.column.I32[s.lo+i]
}

func (l *leafWriter) startTranslation(n int) {
	if cap(l.translate) < n {
		l.translate = make([]int32, n)
	}
	l.translate = l.translate[:n]
	for i := range l.translate {
		l.translate[i] = -1
	}
}
