package batch

// VariantParts calls f with the elements of an array or the members of an object, in their order, until it returns an error;
// a name is nil for elements. A part begins at its bytes and runs to the end of what holds it. Other values have no parts.
// Bytes out of bounds are an error that names what. The bounds are of this value only: parts may overlap, so for values
// of strangers, who nest what overlaps, let AppendVariantJSON look first.
func VariantParts(metadata, value []byte, f func(name, part []byte) error) error {
	if len(value) == 0 || value[0]&3 < 2 {
		return nil
	}
	r := variantReader{left: len(value)}
	if err := r.metadata(metadata); err != nil {
		return err
	}
	header, width, idWidth := int(value[0]>>2), int(value[0]>>2)&3+1, 0
	object := value[0]&3 == 2
	large := header&4 != 0
	if object {
		idWidth, large = header>>2&3+1, header&16 != 0
	}
	n, v, err := r.head(large, value[1:])
	if err != nil {
		return err
	}
	ids, err := r.spend(v, n*idWidth)
	if err != nil {
		return err
	}
	offsets, err := r.spend(v[len(ids):], (n+1)*width)
	if err != nil {
		return err
	}
	v = v[len(ids)+len(offsets):]
	for i := range n {
		var name []byte
		if object {
			if name, err = r.name(unsigned(ids[i*idWidth:], idWidth)); err != nil {
				return err
			}
		}
		at := unsigned(offsets[i*width:], width)
		if at > len(v) {
			return errVariantSpread
		}
		if err := f(name, v[at:]); err != nil {
			return err
		}
	}
	return nil
}
