package sparkoptions

import (
	"fmt"
	"time"

	"github.com/deltaic/deltaic/batch"
)

// Times are dateFormat, timestampFormat, timestampNTZFormat and timeZone.
type Times struct {
	Zone     *time.Location // nil: not given
	patterns map[batch.Kind]string
}

// Set takes an option if it is one of the four.
func (t *Times) Set(f *Format, key, name, value string) (known bool, err error) {
	kind := batch.Date
	switch key {
	case "timezone":
		if t.Zone, err = time.LoadLocation(value); err != nil {
			return true, fmt.Errorf("%s: option %s: there is no time zone %q", f.Name, name, value)
		}
		return true, nil
	case "dateformat":
	case "timestampformat":
		kind = batch.Timestamp
	case "timestampntzformat":
		kind = batch.TimestampNTZ
	default:
		return false, nil
	}
	if t.patterns == nil {
		t.patterns = map[batch.Kind]string{}
	}
	t.patterns[kind] = value
	return true, nil
}

// Resolver makes what reads or writes values of a kind (Date, Timestamp or
// TimestampNTZ) out of a pattern of Java's DateTimeFormatter.
type Resolver[F any] func(kind batch.Kind, pattern string, zone *time.Location) (F, error)

// Resolve puts what resolver makes of the patterns that were given where they
// belong, in zone or, if none was given, in other. A nil resolver refuses patterns.
func Resolve[F any](t *Times, f *Format, resolver Resolver[F], other *time.Location, date, timestamp, timestampNTZ *F) error {
	zone := t.Zone
	if zone == nil {
		zone = other
	}
	for _, to := range []struct {
		kind batch.Kind
		f    *F
	}{{batch.Date, date}, {batch.Timestamp, timestamp}, {batch.TimestampNTZ, timestampNTZ}} {
		pattern, ok := t.patterns[to.kind]
		if !ok {
			continue
		}
		if resolver == nil {
			return fmt.Errorf("%s: a format for %s is not supported here: leave the option out", f.Name, to.kind)
		}
		made, err := resolver(to.kind, pattern, zone)
		if err != nil {
			return fmt.Errorf("%s: format %q for %s: %w", f.Name, pattern, to.kind, err)
		}
		*to.f = made
	}
	return nil
}
