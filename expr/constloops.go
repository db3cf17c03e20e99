package expr

// The loops of integers with a constant beside a column: what overflows is what lies beyond a limit, so that one comparison tells.

// addConst adds a constant and reports whether a result may lie outside of low and high.
func addConst[T int32 | int64](d, x []T, by, low, high T) (suspect bool) {
	x = x[:len(d)]
	if by >= 0 {
		most := high - by
		for i, p := range x {
			if p > most {
				suspect = true
			}
			d[i] = p + by
		}
		return suspect
	}
	least := low - by
	for i, p := range x {
		if p < least {
			suspect = true
		}
		d[i] = p + by
	}
	return suspect
}

// multiplyConst multiplies by a constant of at least 1 and reports whether a result may lie outside of low and high.
func multiplyConst[T int32 | int64](d, x []T, by, low, high T) (suspect bool) {
	x = x[:len(d)]
	least, most := low/by, high/by
	for i, p := range x {
		if p < least || p > most {
			suspect = true
		}
		d[i] = p * by
	}
	return suspect
}

// remainderOfBits is the remainder by a power of two, of the sign of the number.
func remainderOfBits[T int32 | int64](d, x []T, by T) {
	x = x[:len(d)]
	mask := by - 1
	for i, p := range x {
		bias := T(int64(p)>>63) & mask
		d[i] = (p+bias)&mask - bias
	}
}
