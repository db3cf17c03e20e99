package batch

import (
	"bytes"
	"cmp"
	"math"
)

// CompareRows orders row i of a and row j of b, columns of equal types, as
// Spark sorts ascending: null first, NaN equal to itself and greatest, -0.0 equal to 0.0, strings
// and binary by unsigned bytes, structs and arrays from the left with the
// shorter array first. Maps and variants, which Spark does not sort, compare by their
// entries in order and by their bytes. It returns -1, 0 or 1.
func CompareRows(a *Column, i int, b *Column, j int) int {
	if an, bn := a.IsNull(i), b.IsNull(j); an || bn {
		switch {
		case an && bn:
			return 0
		case an:
			return -1
		}
		return 1
	}
	switch a.Type.Kind {
	case Boolean:
		return cmp.Compare(boolWord(a.Bool(i)), boolWord(b.Bool(j)))
	case TinyInt, SmallInt, Int, Date, YearMonth:
		return cmp.Compare(a.I32[i], b.I32[j])
	case BigInt, Timestamp, TimestampNTZ, DayTime:
		return cmp.Compare(a.I64[i], b.I64[j])
	case Float:
		return compareFloats(float64(a.F32[i]), float64(b.F32[j]))
	case Double:
		return compareFloats(a.F64[i], b.F64[j])
	case Decimal:
		return a.I128[i].Cmp(b.I128[j])
	case String, Binary:
		return bytes.Compare(a.Bytes(i), b.Bytes(j))
	case Array, Map:
		return compareLists(a, i, b, j)
	}
	for k := range a.Kids {
		if c := CompareRows(a.Kids[k], i, b.Kids[k], j); c != 0 {
			return c
		}
	}
	return 0
}

func boolWord(v bool) int {
	if v {
		return 1
	}
	return 0
}

func compareFloats(x, y float64) int {
	if xn, yn := math.IsNaN(x), math.IsNaN(y); xn || yn {
		return cmp.Compare(boolWord(xn), boolWord(yn))
	}
	return cmp.Compare(x, y)
}

func compareLists(a *Column, i int, b *Column, j int) int {
	an, bn := int(a.Off[i+1]-a.Off[i]), int(b.Off[j+1]-b.Off[j])
	for e := range min(an, bn) {
		for k := range a.Kids {
			if c := CompareRows(a.Kids[k], int(a.Off[i])+e, b.Kids[k], int(b.Off[j])+e); c != 0 {
				return c
			}
		}
	}
	return cmp.Compare(an, bn)
}
