// Package interop holds the suites that need real counterparts: Apache Kafka,
// Spark, delta-rs and DuckDB as readers and writers of Delta tables, and a schema registry. It is
// tests only; `make interop` runs them. A schema registry is fetched through Maven by name, Apicurio's.
//
// Whoever runs them names in DELTAIC_INTEROP the folder with the scripts that
// install, start and stop those programs; without it tests are skipped and say so.
// TestHandOffCountsExactly alone runs without, in a small form, with a broker in process.
// DELTAIC_INTEROP_CACHE names where the scripts keep what they install,
// DELTAIC_INTEROP_PORT the first of the ports that brokers take (19192),
// EVENTS the number of generated events (200000), DELTAIC_INTEROP_AWAY how long the broker of TestBrokerAway is away (30s), DELTAIC_INTEROP_KILLS the rounds of
// TestKafkaToKafkaThroughCrashes (12) and DELTAIC_INTEROP_SEED what they draw.
//
// Processes that must be killed are this test binary started again (see TestMain).
package interop
