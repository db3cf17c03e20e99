package avro

// skip passes over a value.
func (d *Decoder) skip(n *node) bool {
	switch n.kind {
	case kindNull:
		return true
	case kindBoolean, kindFloat, kindDouble, kindFixed:
		_, ok := d.take(n.least)
		return ok
	case kindInt, kindLong, kindEnum:
		_, ok := d.varint()
		return ok
	case kindBytes, kindString:
		_, ok := d.sized()
		return ok
	case kindRecord:
		for _, f := range n.fields {
			if !d.skip(f.node) {
				return false
			}
		}
		return true
	case kindUnion:
		i, ok := d.varint()
		if !ok || i < 0 || i >= int64(len(n.branches)) {
			return ok && d.fail("branch %d of a union of %d", i, len(n.branches))
		}
		return d.skip(n.branches[i])
	}
	return d.skipList(n)
}

func (d *Decoder) skipList(n *node) bool {
	for {
		count, size, ok := d.block(n.branches[0], n.keys())
		if !ok || count == 0 {
			return ok
		}
		if size >= 0 {
			d.at += int(size)
			continue
		}
		for range count {
			if n.kind == kindMap {
				if _, ok := d.sized(); !ok {
					return false
				}
			}
			if !d.skip(n.branches[0]) {
				return false
			}
		}
	}
}

// keys is how many bytes the key of an element has at least.
func (n *node) keys() int {
	if n.kind == kindMap {
		return 1
	}
	return 0
}
