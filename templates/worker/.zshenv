# Worker {{worker}}. Read by every shell that someone opens as this worker. No secret belongs here: the agent can read it.
export EDITOR=true
export PAGER=cat
