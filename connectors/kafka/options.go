package kafka

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// New returns the source that Spark's options describe. Names are taken
// without regard to letter case; an unknown one is an error that names the
// nearest. Options that begin with "kafka." are Kafka's own, see [properties].
func New(options map[string]string) (*Input, error) {
	c := defaults()
	for _, name := range sortedKeys(options) {
		if err := c.set(name, strings.TrimSpace(options[name])); err != nil {
			return nil, err
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return newInput(c), nil
}

// setters are Spark's options for the source, by name in lower case.
var setters = map[string]struct {
	name string // as Spark writes it
	set  func(c *config, value string) error
}{
	"subscribe":            {"subscribe", setSubscribe},
	"assign":               {"assign", setAssign},
	"startingoffsets":      {"startingOffsets", setStarting},
	"maxoffsetspertrigger": {"maxOffsetsPerTrigger", setMaxOffsets},
	"minoffsetspertrigger": {"minOffsetsPerTrigger", setMinOffsets},
	"maxtriggerdelay":      {"maxTriggerDelay", setTriggerDelay},
	"minpartitions": {"minPartitions", func(c *config, v string) (err error) {
		c.minPartitions, err = parseInt("minPartitions", v, 1, mostParts)
		return err
	}},
	"subscribepattern":           {"subscribePattern", setPattern},
	"startingtimestamp":          {"startingTimestamp", setTime(func(c *config, n int64) { c.startingTime = n }, "startingTimestamp")},
	"startingoffsetsbytimestamp": {"startingOffsetsByTimestamp", setTimes(func(c *config, o offsets) { c.startingTimes = o }, "startingOffsetsByTimestamp")},
	"startingoffsetsbytimestampstrategy": {"startingOffsetsByTimestampStrategy", func(c *config, v string) error {
		c.laterIsLatest = strings.EqualFold(v, "latest")
		return oneOf("startingOffsetsByTimestampStrategy", v, "error", "latest")
	}},
	"endingoffsets":            {"endingOffsets", setEnding},
	"endingtimestamp":          {"endingTimestamp", setTime(func(c *config, n int64) { c.endingTime = n }, "endingTimestamp")},
	"endingoffsetsbytimestamp": {"endingOffsetsByTimestamp", setTimes(func(c *config, o offsets) { c.endingTimes = o }, "endingOffsetsByTimestamp")},
	"failondataloss":           {"failOnDataLoss", func(c *config, v string) error { return parseBool("failOnDataLoss", v, &c.failOnDataLoss) }},
	"includeheaders":           {"includeHeaders", func(c *config, v string) error { return parseBool("includeHeaders", v, &c.headers) }},
	"groupidprefix":            {"groupIdPrefix", func(c *config, v string) error { c.groupPrefix = v; return nonEmpty("groupIdPrefix", v) }},
	"maxbatchbytes":            {"maxBatchBytes", setMaxBatch},
}

// later are Spark's options that this source does not have.
var later = map[string]string{
	"maxrecordsperpartition":      "what a partition is divided into does not depend on an epoch; use minPartitions",
	"kafkaconsumer.polltimeoutms": "a reader waits for as long as it takes",
	"fetchoffset.numretries":      "use kafka.default.api.timeout.ms",
	"fetchoffset.retryintervalms": "use kafka.retry.backoff.ms",
}

func (c *config) set(name, value string) error {
	key := strings.ToLower(strings.TrimSpace(name))
	if s, ok := setters[key]; ok {
		return s.set(c, value)
	}
	if property, ok := strings.CutPrefix(key, "kafka."); ok && later[key] == "" {
		return c.setProperty(property, value)
	}
	if why := refused[key]; why != "" {
		return invalid(name, "is refused: %s", why)
	}
	if instead := later[key]; instead != "" {
		return invalid(name, "is not supported by this source; %s", instead)
	}
	var names []string
	for _, s := range setters {
		names = append(names, s.name)
	}
	for p := range properties {
		names = append(names, "kafka."+p)
	}
	return unknown(name, names)
}

// unknown is the failure for an option that nobody knows.
func unknown(name string, names []string) error {
	slices.Sort(names)
	f := invalid(name, "is unknown")
	if near := nearest(name, names); near != "" {
		f.Message += "; did you mean " + near + "?"
	}
	return f
}

func setSubscribe(c *config, value string) error {
	c.topics = nil
	for topic := range strings.SplitSeq(value, ",") {
		topic = strings.TrimSpace(topic)
		if err := checkTopic("subscribe", topic); err != nil {
			return err
		}
		if !slices.Contains(c.topics, topic) {
			c.topics = append(c.topics, topic)
		}
	}
	return nil
}

// checkTopic holds a name against Kafka's rule for topics.
func checkTopic(option, topic string) error {
	if topic == "" {
		return invalid(option, "names an empty topic; expected names with commas between, such as orders,payments")
	}
	bad := strings.IndexFunc(topic, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
	if bad >= 0 || len(topic) > 249 || topic == "." || topic == ".." {
		return invalid(option, "%s cannot be a topic: up to 249 letters, digits, dots, underscores and hyphens are allowed", quote(topic))
	}
	return nil
}

func setAssign(c *config, value string) error {
	d := json.NewDecoder(strings.NewReader(value))
	assign := map[string][]int32{}
	if err := d.Decode(&assign); err != nil || d.More() || len(assign) == 0 {
		return invalid("assign", `expected JSON such as {"orders":[0,1]}, got %s`, quote(value))
	}
	c.assign = assign
	return c.checkAssign()
}

// checkAssign sorts the partitions of assign and holds them against the rules.
func (c *config) checkAssign() error {
	for topic, ids := range c.assign {
		if err := checkTopic("assign", topic); err != nil {
			return err
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		if len(ids) == 0 || ids[0] < 0 {
			return invalid("assign", "topic %q needs at least one partition, and none below 0", topic)
		}
		c.assign[topic] = ids
	}
	return nil
}

func setStarting(c *config, value string) (err error) {
	c.starting, err = parseStarting(value)
	return err
}

func setMaxOffsets(c *config, value string) (err error) {
	c.maxOffsets, err = parseInt("maxOffsetsPerTrigger", value, 1, 1<<62)
	return err
}

func setMinOffsets(c *config, value string) (err error) {
	c.minOffsets, err = parseInt("minOffsetsPerTrigger", value, 1, 1<<62)
	return err
}

// delayUnits are those of Spark's times; a number without one is of milliseconds.
var delayUnits = map[string]time.Duration{"us": time.Microsecond, "ms": time.Millisecond, "": time.Millisecond, "s": time.Second, "m": time.Minute, "min": time.Minute,
	"h": time.Hour, "d": 24 * time.Hour}

func setTriggerDelay(c *config, value string) error {
	text := strings.ToLower(strings.TrimSpace(value))
	digits := text[:len(text)-len(strings.TrimLeft(text, "0123456789"))]
	n, err := strconv.ParseInt(digits, 10, 64)
	unit, known := delayUnits[strings.TrimSpace(text[len(digits):])]
	if err != nil || !known || n < 1 || n > int64(maxDelay/unit) {
		return invalid("maxTriggerDelay", "expected a time such as 15m, with us, ms, s, m, h or d, of at most %s, got %s", maxDelay, quote(value))
	}
	c.maxTriggerDelay = time.Duration(n) * unit
	return nil
}

const (
	defaultDelay = 15 * time.Minute // Spark's
	maxDelay     = 365 * 24 * time.Hour
)

// setMaxBatch reads our own option: how large a record batch may become when
// it is decompressed.
func setMaxBatch(c *config, value string) (err error) {
	c.maxBatchBytes, err = parseInt("maxBatchBytes", value, 1024, 1<<30)
	return err
}

func parseInt(option, value string, least, most int64) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > most {
		return 0, invalid(option, "expected a whole number from %d to %d, got %s", least, most, quote(value))
	}
	return n, nil
}

func parseBool(option, value string, to *bool) error {
	switch strings.ToLower(value) {
	case "true":
		*to = true
	case "false":
		*to = false
	default:
		return invalid(option, "expected true or false, got %s", quote(value))
	}
	return nil
}

func nonEmpty(option, value string) error {
	if value == "" {
		return invalid(option, "is empty")
	}
	return nil
}

// nearest returns the name that is fewest edits away from s, letter case
// ignored, or "" if none is near.
func nearest(s string, names []string) string {
	best, least := "", len(s)/2+1
	for _, n := range names {
		if d := edits(strings.ToLower(s), strings.ToLower(n)); d < least {
			best, least = n, d
		}
	}
	return best
}

// edits is the Levenshtein distance of the first 64 bytes.
func edits(a, b string) int {
	const most = 64
	a, b = a[:min(len(a), most)], b[:min(len(b), most)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
