package flowfile

import (
	"strconv"
	"time"

	"github.com/deltaic/deltaic/node/alerts"
)

// Alerts is what the file says of alerts.
type Alerts struct {
	Rules   alerts.Rules
	Targets []AlertTarget
}

// AlertTarget is where alerts go: a webhook, or a topic of Kafka with the options of a sink.
type AlertTarget struct {
	Name    string
	Webhook string
	Headers map[string]string
	Kafka   map[string]string
	Place   func(error) error // puts the place in the file into an error
}

// alerts reads the rules and targets of alerts.
func (b *builder) alerts(d *value) error {
	v := d.get("alerts")
	if v == nil {
		return nil
	}
	if err := v.only("alerts", "lag", "expectation", "failed", "stuck", "to"); err != nil {
		return err
	}
	a := &Alerts{}
	var err error
	if a.Rules.Lag, err = threshold(v, "lag", 1e18); err != nil {
		return err
	}
	if a.Rules.Expectation, err = threshold(v, "expectation", 1); err != nil {
		return err
	}
	for name, on := range map[string]*bool{"failed": &a.Rules.Failed, "stuck": &a.Rules.Stuck} {
		if at := v.get(name); at != nil {
			if *on, err = strconv.ParseBool(at.text); err != nil {
				return at.fail("INVALID_FLOW_FILE", "alerts.%s is %q; want true or false", name, at.text)
			}
		}
	}
	if a.Rules == (alerts.Rules{}) {
		return v.fail("INVALID_FLOW_FILE", "alerts has no rule: lag, expectation, failed or stuck")
	}
	if to := v.get("to"); to != nil {
		if a.Targets, err = alertTargets(to); err != nil {
			return err
		}
	}
	b.file.Alerts = a
	return nil
}

// threshold reads {above: 1000, for: 1 minute}.
func threshold(v *value, name string, most float64) (*alerts.Threshold, error) {
	at := v.get(name)
	if at == nil {
		return nil, nil
	}
	if err := at.only("alerts."+name, "above", "for"); err != nil {
		return nil, err
	}
	above := at.get("above")
	if above == nil {
		return nil, at.fail("INVALID_FLOW_FILE", "alerts.%s has no above", name)
	}
	t := &alerts.Threshold{}
	var err error
	if t.Above, err = strconv.ParseFloat(above.text, 64); err != nil || !(t.Above >= 0 && t.Above <= most) {
		return nil, above.fail("INVALID_FLOW_FILE", "alerts.%s.above is %q; want a number from 0 to %g", name, above.text, most)
	}
	if during := at.get("for"); during != nil {
		if t.For, err = Duration(during.text); err != nil || t.For > 365*24*time.Hour {
			return nil, during.fail("INVALID_FLOW_FILE", "alerts.%s.for is %q; want a time such as 1 minute", name, during.text)
		}
	}
	return t, nil
}

// mostTargets bounds how many places alerts go to.
const mostTargets = 16

func alertTargets(v *value) ([]AlertTarget, error) {
	if v.kind != mapping || len(v.keys) == 0 || len(v.keys) > mostTargets {
		return nil, v.fail("INVALID_FLOW_FILE", "alerts.to is a mapping of 1 to %d targets by name, such as {ops: {webhook: \"https://host/path\"}}", mostTargets)
	}
	var all []AlertTarget
	for i, k := range v.keys {
		at := v.values[i]
		t := AlertTarget{Name: k.text, Place: func(err error) error { return placed(at, err) }}
		if err := at.only("alerts.to."+k.text, "webhook", "headers", "kafka"); err != nil {
			return nil, err
		}
		hook, topic := at.get("webhook"), at.get("kafka")
		if (hook == nil) == (topic == nil) {
			return nil, at.fail("INVALID_FLOW_FILE", "alerts.to.%s needs one of webhook and kafka", k.text)
		}
		var err error
		if hook != nil {
			if t.Webhook, err = hook.str("webhook"); err != nil {
				return nil, err
			}
		} else if t.Kafka, err = topic.options("kafka"); err != nil {
			return nil, err
		}
		if h := at.get("headers"); h != nil {
			if hook == nil {
				return nil, h.fail("INVALID_FLOW_FILE", "alerts.to.%s: headers belong to a webhook", k.text)
			}
			if t.Headers, err = h.options("headers"); err != nil {
				return nil, err
			}
		}
		all = append(all, t)
	}
	return all, nil
}
