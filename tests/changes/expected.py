"""What a plan says of the changes in the table: its exit status, and whom it tells of in which section."""

from __future__ import annotations

from default_cluster import SEVERAL

EXPECTED: dict[str, str] = {
    "nothing": "0",
    "an option of one service": "2; pods: st2scheduler",
    "an option of the runner": "2; pods: st2actionrunner",
    "a log option of all services": (
        "2; pauses: all singles; pods: all others of st2; jobs: register-content; left over: 1 object"
    ),
    "a retention": "2; pauses: st2garbagecollector",
    "a comment": "2",
    "RBAC on": (
        "2; pauses: all singles; pods: all others of st2; jobs: apply-rbac register-content; left over: 1 object"
    ),
    "a role": "2; jobs: apply-rbac; left over: 1 object",
    "a pack config": (
        "2; pauses: st2client; pods: st2api st2actionrunner; jobs: register-content; left over: 1 object"
    ),
    "an item of the datastore": "2; jobs: key-load; left over: 1 object",
    "items gone": "2; left over: 3 objects",
    "the first user": "2; jobs: secrets-bootstrap; left over: 1 object",
    "another crypto key": (
        "3; "
        "data: datastore; "
        "pauses: st2sensorcontainer st2client; "
        "pods: st2api st2rulesengine st2workflowengine st2scheduler st2actionrunner; "
        "jobs: secrets-bootstrap; "
        "left over: 1 object"
    ),
    "a pack image": (
        "2; "
        "pauses: st2sensorcontainer st2client; "
        "pods: st2api st2actionrunner; "
        "jobs: register-content; "
        "left over: 1 object"
    ),
    "the tag of a pack image": (
        "2; "
        "pauses: st2sensorcontainer st2client; "
        "pods: st2api st2actionrunner; "
        "jobs: register-content; "
        "left over: 1 object"
    ),
    "a patch of st2": (
        "2; "
        "pauses: all singles; "
        "pods: all others of st2 st2web; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "st2 3.8 to 3.9": (
        "3; "
        "refused: mongodb-version rabbitmq-version; "
        "data: redis st2; "
        "pauses: all singles; "
        "pods: redis all others of st2 st2web; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "st2 3.8 to 3.9, backends kept": (
        "3; "
        "data: st2; "
        "pauses: all singles; "
        "pods: redis all others of st2 st2web; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "st2 3.9 to 3.8": (
        "3; "
        "data: st2; "
        "pauses: all singles; "
        "pods: redis all others of st2 st2web; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "the image of one service": "2; pods: st2api",
    "another registry": (
        "2; "
        "pauses: all singles; "
        "pods: mongodb rabbitmq redis all others of st2 st2web; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "more runners": "2; pods: st2actionrunner",
    "fewer runners": "2; pods: st2actionrunner",
    "no runners": "2; pauses: st2actionrunner; left over: 1 object",
    "memory of the API": "2; pods: st2api",
    "time for actions": "2; pods: st2actionrunner",
    "a variable of the API": "2; pods: st2api",
    "a node selector of sensors": "2; pauses: st2sensorcontainer",
    "partitions of sensors": (
        "3; "
        "hands: Deployment/st2-st2sensorcontainer; "
        "pods: st2sensorcontainer-0 st2sensorcontainer-1 st2sensorcontainer-2"
    ),
    "a pool of runners": "2; pods: st2actionrunner-big",
    "an autoscaler": "2; pods: st2api",
    "no autoscaler": "2; pods: st2api; left over: 1 object",
    "the profile dev": (
        "3; "
        "refused: mongodb-members mongodb-volumes rabbitmq-members rabbitmq-volumes; "
        "pauses: all singles; "
        "pods: redis all others of st2 st2web; "
        "jobs: secrets-bootstrap register-content; "
        f"left over: {len(SEVERAL) + 6} objects 2 objects"
    ),
    "MongoDB: a patch": "2; pods: mongodb",
    "MongoDB: a major version": "3; data: mongodb; pods: mongodb",
    "MongoDB: two major versions": "3; refused: mongodb-version",
    "MongoDB: back": "3; refused: mongodb-version",
    "MongoDB: more members": (
        "2; "
        "pauses: all singles; "
        "pods: mongodb all others of st2; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "MongoDB: fewer members": (
        "3; "
        "refused: mongodb-members; "
        "pauses: all singles; "
        "pods: all others of st2; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "MongoDB: an option": "2; pods: mongodb",
    "MongoDB: bigger volumes": "3; hands: StatefulSet/st2-mongodb",
    "MongoDB: smaller volumes": "3; refused: mongodb-volumes",
    "MongoDB: another storage class": "3; hands: StatefulSet/st2-mongodb",
    "MongoDB: no volumes": "3; refused: mongodb-persistence; jobs: secrets-bootstrap; left over: 1 object",
    "MongoDB: elsewhere": (
        "3; "
        "data: mongodb; "
        "pauses: all singles; "
        "pods: all others of st2; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 7 objects 2 objects"
    ),
    "RabbitMQ: the next version": "3; data: rabbitmq; pods: rabbitmq",
    "RabbitMQ: versions left out": "3; refused: rabbitmq-version",
    "RabbitMQ: back": "3; refused: rabbitmq-version",
    "RabbitMQ: more members": (
        "2; "
        "pauses: all singles; "
        "pods: rabbitmq rabbitmq all others of st2; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "RabbitMQ: fewer members": (
        "3; "
        "refused: rabbitmq-members; "
        "pauses: all singles; "
        "pods: all others of st2; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "RabbitMQ: an option": "2; pods: rabbitmq",
    "RabbitMQ: bigger volumes": "3; hands: StatefulSet/st2-rabbitmq",
    "Redis: a newer version": "3; data: redis; pods: redis",
    "Redis: back": "3; refused: redis-version",
    "Redis: more members": (
        "2; "
        "pauses: all singles; "
        "pods: redis redis all others of st2; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "Redis: fewer members": (
        "2; "
        "pauses: all singles; "
        "pods: redis all others of st2; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "Redis: an option": "2; pods: redis",
    "etcd instead of Redis": (
        "3; "
        "refused: coordination; "
        "data: redis; "
        "pauses: all singles; "
        "pods: etcd all others of st2; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 8 objects 2 objects"
    ),
    "etcd: a minor version": "3; data: etcd; pods: etcd",
    "etcd: two minor versions": "3; refused: etcd-version",
    "etcd: fewer members": "3; refused: etcd-members",
    "no priority classes": (
        "2; "
        "pauses: all singles; "
        "pods: mongodb rabbitmq redis all others of st2 st2web; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 3 objects 2 objects"
    ),
    "pods may displace others": "3; hands: PriorityClass/stackstorm-st2-data PriorityClass/stackstorm-st2-control",
    "the chat bot": "2; pods: st2chatops; jobs: secrets-bootstrap; left over: 1 object",
    "an Ingress": "2",
    "no Ingress": "2; left over: 1 object",
    "another host of the Ingress": "2",
    "network policies off": "2; left over: 8 objects",
    "monitoring on": (
        "2; "
        "pauses: all singles; "
        "pods: mongodb rabbitmq redis all others of st2 statsd-exporter execution-watch; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 2 objects"
    ),
    "monitoring off": (
        "2; "
        "pauses: all singles; "
        "pods: mongodb rabbitmq redis all others of st2; "
        "jobs: secrets-bootstrap register-content; "
        "left over: 9 objects 2 objects"
    ),
    "backups": "2; pods: backup",
    "no backups": "3; data: backup PersistentVolumeClaim/st2-backup; left over: 2 objects",
    "another time of backups": "2; pods: backup",
    "the smoke test": "2; jobs: smoke-test",
    "resources of Jobs": "2; jobs: register-content; left over: 1 object",
    "the type of the Service": "2",
    "TLS of the web UI off": "2; pods: st2web; jobs: secrets-bootstrap; left over: 1 object",
    "Secrets of your own": "2; left over: 5 objects",
    "an object of the user's": "2",
}
