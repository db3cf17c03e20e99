package soak

import (
	"context"
	"encoding/json"
	"io"

	"github.com/deltaic/deltaic/node/demo"
)

const topic = "orders"

// BrokerSettings say what the broker's process does.
type BrokerSettings struct {
	Dir        string `json:"dir"`
	Partitions int32  `json:"partitions"`
	Port       int    `json:"port"`
}

// Broker runs a broker that keeps its log in a folder until in ends; it says where it listens. Killed and started again it
// has what it acknowledged.
func Broker(ctx context.Context, in io.Reader, out io.Writer) error {
	var s BrokerSettings
	d := json.NewDecoder(in)
	if err := d.Decode(&s); err != nil {
		return err
	}
	b, err := demo.StartBroker(ctx, s.Dir, demo.BrokerOptions{Port: s.Port, Partitions: s.Partitions, Topic: topic})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(b.Address); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, io.MultiReader(d.Buffered(), in)); err != nil {
		return err
	}
	return b.Close()
}
