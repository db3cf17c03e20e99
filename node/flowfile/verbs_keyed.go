package flowfile

import (
	"strings"
	"time"

	"github.com/deltaic/deltaic/stream"
)

// watermark reads {column, delay} and what else a watermark has.
func (b *builder) watermark(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	if err := arg.only(k.text, "column", "delay", "maxFutureSkew", "idleAfter", "splits", "allowedLateness", "maxLead"); err != nil {
		return nil, err
	}
	column, err := arg.need(k, "column")
	if err != nil {
		return nil, err
	}
	if arg.get("delay") == nil {
		return nil, arg.fail("INVALID_FLOW_FILE", "watermark has no delay: how far rows may come behind the greatest %s seen", column)
	}
	delay, _, err := arg.duration("delay")
	if err != nil {
		return nil, err
	}
	var options []stream.WatermarkOption
	for key, option := range map[string]func(time.Duration) stream.WatermarkOption{"maxFutureSkew": stream.MaxFutureSkew, "idleAfter": stream.IdleAfter,
		"allowedLateness": stream.AllowedLateness, "maxLead": stream.MaxLead} {
		if at := arg.get(key); at != nil && at.text == "never" && (key == "idleAfter" || key == "maxLead") {
			options = append(options, option(-time.Microsecond))
			continue
		}
		length, there, err := arg.duration(key)
		if err != nil {
			return nil, err
		}
		if there {
			options = append(options, option(length))
		}
	}
	if splits := arg.get("splits"); splits != nil {
		switch splits.text {
		case "min":
		case "max":
			options = append(options, stream.SplitsMax())
		default:
			return nil, splits.fail("INVALID_FLOW_FILE", "splits is %q; want min or max", splits.text)
		}
	}
	return d.WithWatermark(column, delay, options...), nil
}

// duration returns the length of a key and whether it is there.
func (v *value) duration(key string) (time.Duration, bool, error) {
	at := v.get(key)
	if at == nil {
		return 0, false, nil
	}
	text, err := at.str(key)
	if err != nil {
		return 0, false, err
	}
	length, err := Duration(text)
	if err != nil {
		return 0, false, at.fail("INVALID_FLOW_FILE", "%s: %w", key, err)
	}
	return length, true, nil
}

// aggregate reads {name, groupBy, agg}.
func (b *builder) aggregate(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	if err := arg.only(k.text, "name", "groupBy", "agg"); err != nil {
		return nil, err
	}
	name, err := arg.optional("name")
	if err != nil {
		return nil, err
	}
	by, err := arg.texts("groupBy")
	if err != nil {
		return nil, err
	}
	if arg.get("agg") == nil {
		return nil, arg.fail("INVALID_FLOW_FILE", "aggregate has no agg: what is computed, such as [\"count(*) AS n\"]")
	}
	items, err := arg.texts("agg")
	if err != nil {
		return nil, err
	}
	keys := make([]any, len(by))
	for i, key := range by {
		keys[i] = key
	}
	return d.GroupBy(keys...).Agg(name, items...), nil
}

// dedup is a verb of columns, or of {columns, name}.
func dedup(apply func(*stream.Frame, ...string) *stream.Frame) verb {
	return func(_ *builder, d *stream.Frame, k, arg *value) (*stream.Frame, error) {
		if arg.kind == mapping {
			if err := arg.only(k.text, "columns", "name"); err != nil {
				return nil, err
			}
			name, err := arg.optional("name")
			if err != nil {
				return nil, err
			}
			columns, err := arg.texts("columns")
			return apply(d.Named(name), columns...), err
		}
		if arg.kind == null {
			return apply(d), nil
		}
		columns, err := arg.strs(k.text)
		return apply(d, columns...), err
	}
}

// distinct takes nothing, true, or {name}.
func (b *builder) distinct(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	switch {
	case arg.kind == null, arg.kind == scalar && arg.text == "true":
		return d.Distinct(), nil
	case arg.kind == mapping:
		if err := arg.only(k.text, "name"); err != nil {
			return nil, err
		}
		name, err := arg.optional("name")
		return d.Named(name).Distinct(), err
	}
	return nil, arg.fail("INVALID_FLOW_FILE", "distinct takes no columns; write distinct: true, or dropDuplicates: [%s]", arg.text)
}

// keepLatest reads {keys, by, name}.
func (b *builder) keepLatest(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	if err := arg.only(k.text, "keys", "by", "name"); err != nil {
		return nil, err
	}
	keys, by, name, err := arg.keysBy(k)
	if err != nil {
		return nil, err
	}
	return d.Named(name).KeepLatest(strings.Join(by, ", "), keys...), nil
}

// keysBy reads the keys, the order and the name of a verb.
func (v *value) keysBy(verb *value) (keys, by []string, name string, err error) {
	for _, key := range []string{"keys", "by"} {
		if v.get(key) == nil {
			return nil, nil, "", v.fail("INVALID_FLOW_FILE", "%s has no %s", verb.text, key)
		}
	}
	if keys, err = v.texts("keys"); err != nil {
		return nil, nil, "", err
	}
	if by, err = v.texts("by"); err != nil {
		return nil, nil, "", err
	}
	name, err = v.optional("name")
	return keys, by, name, err
}

// topN reads {keys, by, n, rank, as, name}.
func (b *builder) topN(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	if err := arg.only(k.text, "keys", "by", "n", "rank", "as", "name"); err != nil {
		return nil, err
	}
	keys, by, name, err := arg.keysBy(k)
	if err != nil {
		return nil, err
	}
	if arg.get("n") == nil {
		return nil, arg.fail("INVALID_FLOW_FILE", "topN has no n")
	}
	top := stream.Top{Keys: keys, By: by}
	if top.N, err = arg.get("n").integer("n"); err != nil {
		return nil, err
	}
	if top.As, err = arg.optional("as"); err != nil {
		return nil, err
	}
	if rank := arg.get("rank"); rank != nil {
		if rank.text != stream.RowNumber && rank.text != stream.Rank {
			return nil, rank.fail("INVALID_FLOW_FILE", "rank is %q; want row_number or rank", rank.text)
		}
		top.Rank = rank.text
	}
	return d.Named(name).TopN(top), nil
}
