package actors

import (
	"encoding/json"

	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// remember has the operators that observe rows note where they are, for [chain.forget].
func (c *chain) remember() {
	for _, n := range c.observing {
		c.nodes[n].op.(operators.Observing).Keep()
	}
}

// forget takes back what was observed since remember.
func (c *chain) forget() {
	for _, n := range c.observing {
		c.nodes[n].op.(operators.Observing).Undo()
	}
}

// observed returns what the rows since the last ack come to.
func (c *chain) observed() ([]epochs.StepData, error) {
	var all []epochs.StepData
	for _, n := range c.observing {
		data, err := c.nodes[n].op.(operators.Observing).Observed()
		if err != nil {
			return nil, stepError(c.nodes[n].name, err)
		}
		if data != nil {
			all = append(all, epochs.StepData{Step: c.nodes[n].name, Data: data})
		}
	}
	return all, nil
}

// observe puts together what the tasks have observed in an epoch. It is decided by then: what cannot be
// computed is told in place of the metrics.
func (a *attempt) observe(p *Progress, acks []epochs.Ack) {
	parts := map[string][][]byte{}
	for _, k := range acks {
		for _, d := range k.Observed {
			parts[d.Step] = append(parts[d.Step], d.Data)
		}
	}
	for _, step := range a.config.Plan.Graph.Steps {
		if step.Observe == nil {
			continue
		}
		o, err := step.Observe.Merge(parts[step.Name])
		if err != nil {
			o = topology.Observation{Metrics: unobserved(err)}
		}
		if p.ObservedMetrics == nil {
			p.ObservedMetrics = map[string]json.RawMessage{}
		}
		p.ObservedMetrics[step.Observe.As] = o.Metrics
		p.Expectations = append(p.Expectations, o.Expectations...)
		p.LeftOut += o.Dropped
	}
}

func unobserved(err error) json.RawMessage {
	text, _ := json.Marshal(map[string]string{"error": err.Error()}) // a text can always be written
	return text
}
