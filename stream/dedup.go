package stream

import (
	"strings"

	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// DropDuplicates keeps the first row of each key; without columns the whole row is the key. If the event
// time is among the keys, a key is forgotten when the watermark passes it, and rows that come behind the watermark are late;
// else keys are kept for ever, whatever watermark there is: see [Frame.DropDuplicatesWithinWatermark].
func (d *Frame) DropDuplicates(columns ...string) *Frame {
	return d.dropDuplicates("dropDuplicates", columns)
}

// Distinct is DropDuplicates of whole rows.
func (d *Frame) Distinct() *Frame { return d.dropDuplicates("distinct", nil) }

func (d *Frame) dropDuplicates(verb string, columns []string) *Frame {
	if d.broken {
		return d
	}
	name := d.stepName(verb)
	keys, ok := d.keys(name, columns)
	if !ok {
		return d.fail()
	}
	step := &topology.Step{Name: name, What: strings.TrimSpace(verb + " " + strings.Join(columns, ", ")), Schema: d.schema, Keys: keys, Ruling: topology.DedupRuling()}
	schema := d.schema
	at := d.closing(keys)
	if at >= 0 && d.eventOf(keys[at]).window {
		at = -1 // a window has rows of many times: it is not what a row is late by
	}
	if at < 0 {
		if _, err := operators.NewDropDuplicates(schema, keys...); err != nil {
			d.flow.fault(name, err)
			return d.fail()
		}
		step.Operator = made(func() (*operators.DropDuplicates, error) { return operators.NewDropDuplicates(schema, keys...) })
		bound := d.forever("seen", verb, keys)
		if event := d.eventColumn(); event != "" {
			bound.Advice += "; dropDuplicatesWithinWatermark keeps a key for the watermark's delay only, or add " + event + " to the keys if duplicates have the same"
		}
		return d.then(d.stateful(step, bound))
	}
	time := keys[at]
	if _, err := operators.NewDropDuplicateEvents(schema, time, keys...); err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	step.Operator = made(func() (*operators.DropDuplicateEvents, error) {
		return operators.NewDropDuplicateEvents(schema, time, keys...)
	})
	return d.then(d.stateful(step, until("events", schema.Fields[time].Name, &event{})))
}

// DropDuplicatesWithinWatermark keeps the first row of each key and drops those that follow while they are less
// than the watermark's delay apart from it in event time; then the key is forgotten. Without columns the whole row is the key.
func (d *Frame) DropDuplicatesWithinWatermark(columns ...string) *Frame {
	if d.broken {
		return d
	}
	const verb = "dropDuplicatesWithinWatermark"
	name := d.stepName(verb)
	keys, ok := d.keys(name, columns)
	if !ok {
		return d.fail()
	}
	time := d.schema.IndexFold(d.eventColumn())
	if time < 0 {
		d.flow.mistake(name, "MISSING_WATERMARK", "dropDuplicatesWithinWatermark needs a watermark on a column of the frame, and there is none", "set one before it: WithWatermark(\"at\", 10*time.Minute), and keep the column")
		return d.fail()
	}
	schema, delay := d.schema, d.eventOf(time).delay
	if _, err := operators.NewDropDuplicatesWithin(schema, time, delay, keys...); err != nil {
		d.flow.fault(name, err)
		return d.fail()
	}
	return d.then(d.stateful(&topology.Step{Name: name, What: strings.TrimSpace(verb + " " + strings.Join(columns, ", ")), Schema: schema, Keys: keys, Ruling: topology.DedupRuling(),
		Operator: made(func() (*operators.DropDuplicatesWithin, error) {
			return operators.NewDropDuplicatesWithin(schema, time, delay, keys...)
		})}, until("within", "the first row's "+schema.Fields[time].Name+" plus "+micros(delay), &event{})))
}

// keys returns the places of key columns, of all columns if none is named.
func (d *Frame) keys(step string, columns []string) ([]int, bool) {
	keys, ok := d.indexes(step, columns)
	if ok && len(columns) == 0 {
		for i := range d.schema.Fields {
			keys = append(keys, i)
		}
	}
	return keys, ok
}

// eventColumn returns the name of the column with the event time, "" if there is none.
func (d *Frame) eventColumn() string {
	for i, f := range d.schema.Fields {
		if e := d.eventOf(i); e != nil && !e.window {
			return f.Name
		}
	}
	return ""
}
