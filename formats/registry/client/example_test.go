package client_test

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/deltaic/deltaic/formats/registry/client"
)

func ExampleOpen() {
	fake := srfake.New()
	defer fake.Close()
	id, _, _ := fake.RegisterSchema("orders-value", sr.Schema{Schema: `"long"`})
	r, err := client.Open(fake.URL(), map[string]string{"confluent.schema.registry.request.timeout.ms": "2000"})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := r.ByID(id)
	fmt.Println(s.Kind, s.Text, err)
	// Output: AVRO "long" <nil>
}
