"""Run Kafka's stand-in for tests, which librdkafka has in it; it keeps messages in memory alone.

Run by the Python that has confluent-kafka: prints the broker's address, and ends with its input.
"""

import sys
import threading

from confluent_kafka import Producer

producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "none", "log_level": 3})
brokers = producer.list_topics(timeout=10).brokers.values()
print(",".join(f"{broker.host}:{broker.port}" for broker in brokers), flush=True)
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
while not ended.is_set():
    producer.poll(0.5)
