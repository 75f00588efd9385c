"""Checks Kubernetes jobs against their schema, and what the schema does not say: that each command is one of l48."""

import re
import sys

import kubernetes_validate
import yaml

# The newest whose schemas the package brings.
VERSION = "1.37"

with open(sys.argv[1], encoding="utf-8") as file:
    jobs = list(yaml.safe_load_all(file))
for job in jobs:
    kubernetes_validate.validate(job, VERSION, strict=True)
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    # Both are demanded of a job with podFailurePolicy, and of one that is Indexed; no schema says so.
    assert pod["restartPolicy"] == "Never"
    for rule in spec["podFailurePolicy"]["rules"]:
        assert ("onExitCodes" in rule) != ("onPodConditions" in rule), rule
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in pod["containers"] + pod.get("initContainers", []):
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        command = " ".join(container["command"])
        assert re.search(r"\bl48 (plan|build|commit) ", command), command
        if part := re.search(r'--part "\$JOB_COMPLETION_INDEX/(\d+)"', command):
            assert spec["completionMode"] == "Indexed" and spec["completions"] == int(part.group(1))
print(f"{len(jobs)} jobs are valid")
