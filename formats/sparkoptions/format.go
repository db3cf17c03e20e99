package sparkoptions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Format is what a format knows of its options.
type Format struct {
	Name     string           // stands before every message
	Settable []string         // as Spark writes them
	Fixed    map[string]Fixed // those with one value here, by their name in lower case
}

// Fixed is an option of Spark that has one value here.
type Fixed struct{ Value, Why string }

// Each gives set every option, sorted by name; key is the name in lower case. An
// option that set does not know, and that is not fixed to the value it has, is an
// error that names it.
func (f *Format) Each(named map[string]string, set func(key, name, value string) (known bool, err error)) error {
	names := make([]string, 0, len(named))
	for name := range named {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		key, value := strings.ToLower(name), named[name]
		known, err := set(key, name, value)
		if err != nil {
			return err
		}
		if known {
			continue
		}
		fixed, known := f.Fixed[key]
		if !known {
			return fmt.Errorf("%s: unknown option %s%s", f.Name, name, f.nearest(key))
		}
		if !strings.EqualFold(value, fixed.Value) {
			return fmt.Errorf("%s: option %s is always %q here (%s); leave it out", f.Name, name, fixed.Value, fixed.Why)
		}
	}
	return nil
}

// Truth reads true or false in any case.
func (f *Format) Truth(name, value string) (bool, error) {
	v, err := strconv.ParseBool(strings.ToLower(value))
	if err != nil {
		return false, fmt.Errorf("%s: option %s is true or false, not %q", f.Name, name, value)
	}
	return v, nil
}

// nearest suggests an option that begins alike.
func (f *Format) nearest(key string) string {
	best, most := "", 3
	for _, s := range f.Settable {
		n := 0
		for n < min(len(s), len(key)) && s[n]|0x20 == key[n] {
			n++
		}
		if n > most {
			best, most = s, n
		}
	}
	if best == "" {
		return "; known are " + strings.Join(f.Settable, ", ")
	}
	return ": did you mean " + best + "?"
}
