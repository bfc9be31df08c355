//! The browser shell: sensors, consent adapters, queue, transport, slots and page API.
