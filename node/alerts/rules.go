package alerts

import (
	"sort"
	"time"
)

// Threshold is a bound that is exceeded for a time.
type Threshold struct {
	Above float64
	For   time.Duration // 0: at once
}

// Rules say what to look at. What is nil or false is not looked at.
type Rules struct {
	Lag         *Threshold // rows behind the ends of the sources
	Expectation *Threshold // share of an epoch's rows that violate an expectation, each on its own: 0 to 1
	Failed      bool       // the flow has ended with an error
	Stuck       bool       // it does not get on, or waits for what is outside
}

// Sample is what a flow looks like at a moment.
type Sample struct {
	Lag        int64
	Violations map[string]float64 // share by expectation, of those that judged rows since the last sample
	Failure    string
	Stuck      string
}

// Event is an alert that begins or ends. It is what targets are sent, as JSON.
type Event struct {
	Flow    string    `json:"flow"`
	ID      string    `json:"id"`
	RunID   string    `json:"runId"`
	Alert   string    `json:"alert"`             // lag, expectation, failed or stuck
	Subject string    `json:"subject,omitempty"` // the expectation: dataset.name
	State   string    `json:"state"`             // firing or resolved
	Value   float64   `json:"value"`
	Above   float64   `json:"above"`
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since"` // when the rule began to hold
	Time    time.Time `json:"time"`
}

// The states of an event.
const (
	Firing   = "firing"
	Resolved = "resolved"
)

// Monitor remembers which alerts fire.
type Monitor struct {
	rules  Rules
	active map[[2]string]*alert
}

// alert is a rule that holds.
type alert struct {
	since  time.Time
	firing bool
}

// NewMonitor returns a monitor of one flow.
func NewMonitor(r Rules) *Monitor { return &Monitor{rules: r, active: map[[2]string]*alert{}} }

// Look takes a sample and returns what begins or ends with it.
func (m *Monitor) Look(now time.Time, s Sample) []Event {
	var events []Event
	judge := func(kind, subject string, t *Threshold, value float64, message string) {
		if e, some := m.judge(now, [2]string{kind, subject}, t, value); some {
			e.Alert, e.Subject, e.Value, e.Above, e.Message = kind, subject, value, t.Above, message
			events = append(events, e)
		}
	}
	if m.rules.Lag != nil {
		judge("lag", "", m.rules.Lag, float64(s.Lag), "")
	}
	if m.rules.Expectation != nil {
		for _, name := range sorted(s.Violations) {
			judge("expectation", name, m.rules.Expectation, s.Violations[name], "")
		}
	}
	said := func(kind string, on bool, text string) {
		value := 0.0
		if text != "" {
			value = 1
		}
		if on {
			judge(kind, "", &Threshold{}, value, text)
		}
	}
	said("failed", m.rules.Failed, s.Failure)
	said("stuck", m.rules.Stuck, s.Stuck)
	return events
}

func (m *Monitor) judge(now time.Time, key [2]string, t *Threshold, value float64) (e Event, some bool) {
	a := m.active[key]
	if value <= t.Above {
		delete(m.active, key)
		if a == nil || !a.firing {
			return e, false
		}
		return Event{State: Resolved, Since: a.since, Time: now}, true
	}
	if a == nil {
		a = &alert{since: now}
		m.active[key] = a
	}
	if a.firing || now.Sub(a.since) < t.For {
		return e, false
	}
	a.firing = true
	return Event{State: Firing, Since: a.since, Time: now}, true
}

// Firing returns the alerts that fire, such as lag or expectation:paid.
func (m *Monitor) Firing() []string {
	var all []string
	for key, a := range m.active {
		if name := key[0]; a.firing {
			if key[1] != "" {
				name += ":" + key[1]
			}
			all = append(all, name)
		}
	}
	sort.Strings(all)
	return all
}

func sorted(m map[string]float64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
