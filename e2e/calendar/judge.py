"""Judges the simulated calendar by Google's client for Python: judge.py KEY_FILE DISCOVERY BASE_URL."""

import json
import sys

import google_auth_httplib2
import httplib2
from google.oauth2 import service_account
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

key_file, discovery, base = sys.argv[1:]


def connect():
    with open(discovery, encoding="utf-8") as f:
        document = json.load(f)
    # As a bot does whose calendar is elsewhere.
    document["rootUrl"] = base + "/"
    document["baseUrl"] = base + "/calendar/v3/"
    credentials = service_account.Credentials.from_service_account_file(
        key_file, scopes=["https://www.googleapis.com/auth/calendar"]
    )
    return build_from_document(document, http=google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http()))


def refused(request, status, reason):
    try:
        request.execute()
    except HttpError as e:
        error = json.loads(e.content.decode())["error"]
        assert e.resp.status == status and error["errors"][0]["reason"] == reason, e
        return
    raise AssertionError(f"not refused with {status} {reason}")


def visit(hour, **more):
    return {
        "summary": "Visit",
        "start": {"dateTime": f"2026-11-24T{hour:02}:00:00-03:00"},
        "end": {"dateTime": f"2026-11-24T{hour + 1:02}:00:00-03:00"},
        **more,
    }


def main():
    service = connect()
    events = service.events()

    booked = events.insert(calendarId="primary", body=visit(9, id="visit1"), sendUpdates="all").execute()
    assert booked["status"] == "confirmed" and booked["start"]["dateTime"] == "2026-11-24T09:00:00-03:00", booked
    refused(events.insert(calendarId="primary", body=visit(9, id="visit1")), 409, "duplicate")
    refused(events.insert(calendarId="nobody@practice.example", body=visit(9)), 404, "notFound")
    refused(events.insert(calendarId="primary", body={"summary": "when?"}), 400, "required")

    day = {"timeMin": "2026-11-24T00:00:00-03:00", "timeMax": "2026-11-25T00:00:00-03:00"}
    busy = service.freebusy().query(body={**day, "items": [{"id": "primary"}]}).execute()
    assert busy["calendars"]["primary"]["busy"] == [{"start": "2026-11-24T12:00:00Z", "end": "2026-11-24T13:00:00Z"}], busy

    answers = {}

    def answered(request_id, response, exception):
        answers[request_id] = exception.resp.status if exception else response["id"]

    batch = service.new_batch_http_request(callback=answered)
    for hour in (10, 11, 12):
        batch.add(events.insert(calendarId="primary", body=visit(hour, id=f"batch{hour}")), request_id=str(hour))
    batch.add(events.get(calendarId="primary", eventId="missing"), request_id="missing")
    batch.execute()
    assert answers == {"10": "batch10", "11": "batch11", "12": "batch12", "missing": 404}, answers

    ids, request, token = [], events.list(calendarId="primary", maxResults=2), None
    while request is not None:
        page = request.execute()
        ids += [e["id"] for e in page["items"]]
        token = page.get("nextSyncToken")
        request = events.list_next(request, page)
    assert ids == ["visit1", "batch10", "batch11", "batch12"] and token, ids

    assert events.patch(calendarId="primary", eventId="batch10", body={"summary": "Later"}).execute()["summary"] == "Later"
    assert events.delete(calendarId="primary", eventId="batch11").execute() == ""
    changes = events.list(calendarId="primary", syncToken=token).execute()["items"]
    assert [(e["id"], e["status"]) for e in changes] == [("batch10", "confirmed"), ("batch11", "cancelled")], changes
    refused(events.list(calendarId="primary", syncToken="expired"), 410, "fullSyncRequired")

    calendars = service.calendarList().list().execute()["items"]
    assert [c["id"] for c in calendars if c.get("primary")] and len(calendars) == 1, calendars
    assert service.calendars().get(calendarId="primary").execute()["timeZone"] == "America/Sao_Paulo"


main()
