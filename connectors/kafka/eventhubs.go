package kafka

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// HubInput is a source of an Azure Event Hub, read at its Kafka endpoint, with the columns of Spark's connector.
type HubInput struct {
	*Input
	schema *batch.Schema
}

var (
	_ connectors.Source  = (*HubInput)(nil)
	_ connectors.Limiter = (*HubInput)(nil)
)

// The columns of Spark's Event Hubs connector, in order. Kafka's offset is the sequence number; publisher and
// systemProperties are not carried by the Kafka endpoint, and null.
const (
	hubBody = iota
	hubPartition
	hubOffset
	hubSequenceNumber
	hubEnqueuedTime
	hubPublisher
	hubPartitionKey
	hubProperties
	hubSystemProperties
	hubColumns
)

// hubFrom is the column of Kafka that each is made of; -1: none.
var hubFrom = [hubColumns]int{columnValue, columnPartition, columnOffset, columnOffset, columnTimestamp, -1, columnKey, columnHeaders, -1}

// EventHubs returns the source that the options of Spark's Event Hubs connector describe, of which
// eventhubs.connectionString is required. Options of [New] may stand beside them.
func EventHubs(options map[string]string) (*HubInput, error) {
	c := defaults()
	rest, err := hubOptions(&c, options)
	if err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(rest) {
		if err := c.set(name, strings.TrimSpace(rest[name])); err != nil {
			return nil, err
		}
	}
	c.headers = true
	if err := c.check(); err != nil {
		return nil, err
	}
	c.notes = append(c.notes, "columns publisher and systemProperties are null: the Kafka endpoint of Event Hubs does not carry them")
	properties := batch.MapType(batch.StringType, batch.StringType, true)
	return &HubInput{newInput(c), batch.NewSchema(
		batch.Field{Name: "body", Type: batch.BinaryType, Nullable: true},
		batch.Field{Name: "partition", Type: batch.StringType, Nullable: true},
		batch.Field{Name: "offset", Type: batch.StringType, Nullable: true},
		batch.Field{Name: "sequenceNumber", Type: batch.BigIntType, Nullable: true},
		batch.Field{Name: "enqueuedTime", Type: batch.TimestampType, Nullable: true},
		batch.Field{Name: "publisher", Type: batch.StringType, Nullable: true},
		batch.Field{Name: "partitionKey", Type: batch.StringType, Nullable: true},
		batch.Field{Name: "properties", Type: properties, Nullable: true},
		batch.Field{Name: "systemProperties", Type: properties, Nullable: true},
	)}, nil
}

// EventHubsSink returns the sink of an Event Hub: columns body, partitionKey, partitionId (int), and properties as Spark's connector has them, or headers.
func EventHubsSink(options map[string]string) (*Output, error) {
	c := outputDefaults()
	c.columns = columnNames{key: "partitionKey", value: "body", partition: "partitionId", headers: "headers", properties: "properties"}
	connection, name := "", ""
	rest := map[string]string{}
	for option, value := range options {
		switch strings.ToLower(option) {
		case "eventhubs.connectionstring":
			connection = value
		case "eventhubs.name":
			name = value
		default:
			rest[option] = value
		}
	}
	hub, err := c.config.hub(connection, name)
	if err != nil {
		return nil, err
	}
	rest["topic"] = hub
	for _, option := range sortedKeys(rest) {
		if err := c.set(option, strings.TrimSpace(rest[option])); err != nil {
			return nil, err
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return newOutput(c), nil
}

// hub points the client at the namespace of a connection string, and returns the hub's name. No error repeats the string.
func (c *config) hub(connection, name string) (string, error) {
	const option = "eventhubs.connectionString"
	parts := map[string]string{}
	for part := range strings.SplitSeq(connection, ";") {
		key, value, _ := strings.Cut(part, "=")
		parts[strings.ToLower(strings.TrimSpace(key))] = value
	}
	u, err := url.Parse(parts["endpoint"])
	if err != nil || u.Host == "" || parts["sharedaccesskeyname"] == "" || parts["sharedaccesskey"] == "" {
		return "", invalid(option, "expected Endpoint=sb://NAMESPACE.servicebus.windows.net/;SharedAccessKeyName=...;SharedAccessKey=...;EntityPath=HUB")
	}
	if name == "" {
		name = parts["entitypath"]
	}
	if name == "" {
		return "", invalid(option, "names no hub: add EntityPath, or the option eventhubs.name")
	}
	address, protocol := u.Host, "SASL_SSL"
	if strings.EqualFold(parts["usedevelopmentemulator"], "true") {
		protocol = "SASL_PLAINTEXT"
	}
	if u.Port() == "" {
		port := ":9093"
		if protocol == "SASL_PLAINTEXT" {
			port = ":9092"
		}
		address += port
	}
	c.security.protocol, c.security.mechanism, c.security.jaas = protocol, "PLAIN", true
	c.security.user, c.security.password = "$ConnectionString", connection
	return name, setBrokers(c, option, address)
}

// hubOptions reads the options of Spark's connector and returns the others.
func hubOptions(c *config, options map[string]string) (rest map[string]string, err error) {
	connection, name, starting := "", "", ""
	rest = map[string]string{"startingOffsets": "latest"}
	for option, value := range options {
		switch strings.ToLower(option) {
		case "eventhubs.connectionstring":
			connection = value
		case "eventhubs.name":
			name = value
		case "eventhubs.startingposition":
			starting = value
		case "eventhubs.consumergroup":
			c.notes = append(c.notes, option+" has no effect: positions are kept by the engine")
		case "maxeventspertrigger", "eventhubs.maxeventspertrigger":
			rest["maxOffsetsPerTrigger"] = value
		case "startingoffsets":
			delete(rest, "startingOffsets")
			rest[option] = value
		default:
			rest[option] = value
		}
	}
	if rest["subscribe"], err = c.hub(connection, name); err != nil || starting == "" {
		return rest, err
	}
	return rest, hubStart(rest, starting)
}

// hubStart reads eventhubs.startingPosition, Spark's JSON of an EventPosition.
func hubStart(rest map[string]string, text string) error {
	const option = "eventhubs.startingPosition"
	var p struct {
		Offset       *string
		SeqNo        *int64
		EnqueuedTime *string
		IsInclusive  *bool
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return invalid(option, `expected JSON such as {"offset":"-1"} or {"enqueuedTime":"2026-01-31T00:00:00Z"}, got %s`, quote(text))
	}
	switch {
	case p.EnqueuedTime != nil:
		at, err := time.Parse(time.RFC3339, *p.EnqueuedTime)
		if err != nil {
			return invalid(option, "enqueuedTime %s is no time such as 2026-01-31T00:00:00Z", quote(*p.EnqueuedTime))
		}
		rest["startingTimestamp"], rest["startingOffsetsByTimestampStrategy"] = strconv.FormatInt(at.UnixMilli(), 10), "latest"
	case p.Offset != nil && *p.Offset == "-1", p.Offset == nil && p.SeqNo != nil && *p.SeqNo == -1:
		rest["startingOffsets"] = "earliest"
	case p.Offset != nil && *p.Offset == "@latest":
		rest["startingOffsets"] = "latest"
	default:
		return invalid(option, "only the offsets -1 and @latest, and enqueuedTime, are places in every partition; use startingOffsets for a place in each")
	}
	return nil
}

// Schema returns the columns.
func (in *HubInput) Schema() *batch.Schema { return in.schema }

// Description names the hub.
func (in *HubInput) Description() string { return "EventHubs[" + in.c.topics[0] + "]" }

// String is Description; it keeps the connection string out of logs.
func (in *HubInput) String() string { return in.Description() }

// GoString is Description, for the same reason.
func (in *HubInput) GoString() string { return in.Description() }

// Open begins to read at the positions.
func (in *HubInput) Open(ctx context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	want := make([]bool, hubColumns)
	inner := make([]bool, columnCount)
	for i, from := range hubFrom {
		want[i] = o.Columns == nil || i < len(o.Columns) && o.Columns[i]
		if want[i] && from >= 0 {
			inner[from] = true
		}
	}
	pool := o.Pool
	o.Columns = inner
	r, err := in.Input.Open(ctx, at, o)
	if err != nil {
		return nil, err
	}
	return &hubReader{Reader: r, schema: in.schema, want: want, pool: pool}, nil
}

// hubReader gives Kafka's columns the names and types of Event Hubs.
type hubReader struct {
	connectors.Reader
	schema *batch.Schema
	want   []bool
	pool   *batch.Pool
}

// Next delivers the next rows.
func (r *hubReader) Next(ctx context.Context) (connectors.Fetch, error) {
	f, err := r.Reader.Next(ctx)
	if err != nil {
		return f, err
	}
	k := f.Batch
	b := batch.NewBatch(r.schema, k.N, make([]*batch.Column, hubColumns)...)
	b.Origin = k.Origin
	for i, from := range hubFrom {
		if r.want[i] {
			b.Columns[i] = r.column(i, from, k)
		}
	}
	k.Release()
	f.Batch = b
	return f, nil
}

func (r *hubReader) column(i, from int, k *batch.Batch) *batch.Column {
	switch i {
	case hubBody, hubSequenceNumber, hubEnqueuedTime:
		return k.Columns[from].Retain()
	}
	b := batch.NewBuilder(r.schema.Fields[i].Type, r.pool)
	defer b.Release()
	for row := range k.N {
		if from < 0 || k.Columns[from].IsNull(row) {
			b.Null()
			continue
		}
		c := k.Columns[from]
		switch i {
		case hubPartition:
			b.String(strconv.Itoa(int(c.I32[row])))
		case hubOffset:
			b.String(strconv.FormatInt(c.I64[row], 10))
		case hubPartitionKey:
			b.Bytes(c.Bytes(row))
		case hubProperties:
			hubProperty(b, c, row)
		}
	}
	return b.Finish()
}

// hubProperty makes a map of the headers of a row.
func hubProperty(b *batch.Builder, headers *batch.Column, row int) {
	pair := headers.Kids[0]
	for e := int(headers.Off[row]); e < int(headers.Off[row+1]); e++ {
		b.Kids[0].Bytes(pair.Kids[0].Bytes(e))
		if pair.Kids[1].IsNull(e) {
			b.Kids[1].Null()
		} else {
			b.Kids[1].Bytes(pair.Kids[1].Bytes(e))
		}
	}
	b.List()
}
