"""The bars below the table, and the status line of the window: the hub or a hospital away, what just happened,
deliveries, solo use, rows that wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtWidgets import QFrame, QStatusBar, QVBoxLayout, QWidget

from viewer.dates import shown_since
from worklist_client.commands.desk import Desk
from worklist_client.identity.names import display_name
from worklist_client.ui.bars import NoticeBar, plain_label
from worklist_client.ui.deliveries import Deliveries
from worklist_client.ui.letting_go import RequestBar
from worklist_client.ui.list_feed import ListFeed
from worklist_client.worklist.entries import Status
from worklist_client.worklist.region import SiteIntake


class WorklistBars(QWidget):
    """Says what the feed and the outbox say. `status_bar` belongs below the window."""

    def __init__(
        self,
        desk: Desk,
        feed: ListFeed,
        deliveries: Deliveries,
        run: Callable[[str], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk, self._feed, self._deliveries, self._run = desk, feed, deliveries, run
        tr = desk.tr
        self.setObjectName("bars")
        self.connection = NoticeBar("connection_bar")
        self.hospitals = NoticeBar("hospitals_bar")
        self.request = RequestBar("request_bar", desk.tr, self._fit)
        self.message = NoticeBar("message_bar", tr("Close"), self._fit)
        self.delivery = NoticeBar("delivery_bar")
        self.orphans = NoticeBar("orphans_bar")
        self.sign_in = NoticeBar("sign_in_bar", on_close=self._fit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for bar in self._bars():
            layout.addWidget(bar)
        self.status_bar = QStatusBar()
        self.status_bar.setSizeGripEnabled(False)
        self._state = plain_label("status_connection")
        self._solo = plain_label("status_solo", role="attention")
        self._waiting = plain_label("status_waiting", role="attention")
        self._reader = plain_label("status_reader", role="muted")
        for label in (self._state, self._solo, self._waiting):
            label.setContentsMargins(8, 2, 8, 2)
            self.status_bar.addWidget(label)
        self._reader.setContentsMargins(8, 2, 8, 2)
        self.status_bar.addPermanentWidget(self._reader)
        desk.on_named.append(self.show_reader)
        self.show_reader()
        self._has_company = False
        self.show_solo()
        feed.changed.connect(self.show_solo)
        feed.connection_changed.connect(self.show_connection)
        feed.hospitals_changed.connect(self.show_hospitals)
        feed.changed.connect(self.show_hospitals)  # their names may have come
        deliveries.changed.connect(self.show_deliveries)
        self.show_connection()
        self.show_hospitals()
        self.show_deliveries()

    def say(self, text: str, tone: str, action: str = "", run: Callable[[], object] | None = None) -> None:
        """What just happened; stays until it is closed or something else happens. `run` is the way back, where there is
        one."""
        self.message.say(text, tone, action, run)
        self._fit()

    def ask_to_sign_in(self, text: str, run: Callable[[], object]) -> None:
        """The sign-in has ended; stays until somebody is signed in."""
        self.sign_in.say(text, "attention", self._desk.tr("Sign in"), run)
        self._fit()

    def show_waiting(self, waiting: int, key: str) -> None:
        """How many rows would come, go or move, and wait until nobody aims; in the status line, which has its place."""
        tr = self._desk.tr
        several = (
            tr("1 change waits ({key})", key=key)
            if waiting == 1
            else tr("{n} changes wait ({key})", n=waiting, key=key)
        )
        self._waiting.setText(several if waiting else "")

    def show_reader(self) -> None:
        """Who reads here."""
        reader = self._desk.reader
        name = display_name(reader.name) if "^" in reader.name else reader.name
        name = name or self._desk.tr("Reader not named yet: look only")
        self._reader.setText(f"{name}   {reader.organisation if reader.name else ''}".strip())

    def show_solo(self) -> None:
        """A worklist of this computer alone, as long as it is; that nobody sees the claims, until somebody else claims
        something there (a second window, another profile)."""
        if not self._desk.solo:
            return
        tr, me = self._desk.tr, self._desk.reader.code
        self._has_company = self._has_company or any(
            entry.status is Status.CLAIMED or (entry.holder_code and entry.holder_code != me)
            for entry in self._feed.entries()
        )
        alone = tr("Worklist on this computer only: nobody else sees these claims")
        self._solo.setText(tr("Worklist on this computer only") if self._has_company else alone)

    def show_connection(self) -> None:
        """The hub is there, or since when it is not."""
        tr = self._desk.tr
        connection = self._feed.connection
        if connection.connected:
            self.connection.clear()
            self._state.setText(tr("Live"))
            self._set_role("ok")
        elif connection.ever and connection.as_of is not None:
            at = shown_since(connection.as_of.astimezone(), self._desk.now())
            self.connection.say(
                tr(
                    "The worklist does not answer. Status as of {time}: what others claimed since is not known.",
                    time=at,
                ),
                "attention",
            )
            self._state.setText(tr("Status as of {time}", time=at))
            self._set_role("attention")
        elif connection.reason:
            self.connection.say(tr("The worklist cannot be reached: {reason}", reason=tr(connection.reason)), "danger")
            self._state.setText(tr("Not connected"))
            self._set_role("danger")
        else:
            self._state.setText(tr("Connecting…"))
            self._set_role("muted")
        self._fit()

    def show_hospitals(self) -> None:
        """Hospitals that do not answer the hub, and since when."""
        tr, silent = self._desk.tr, self._feed.silent
        self._state.setToolTip("\n".join(self._undated(self._feed.undated)))
        if not silent:
            self.hospitals.clear()
            self._fit()
            return
        if len(silent) > 1:
            named = ", ".join(self._named(site) for site in silent)
            text = tr("No answer from {hospitals}: studies there may be missing from this list.", hospitals=named)
        else:
            name, time = self._desk.sites.name_of(silent[0].site_id), self._time_of(silent[0])
            if silent[0].has_answered:
                text = tr(
                    "{hospital} has not answered since {time}: studies there may be missing from this list.",
                    hospital=name,
                    time=time,
                )
            else:
                text = tr(
                    "{hospital} has not answered at all, asked since {time}: its studies are missing from this list.",
                    hospital=name,
                    time=time,
                )
        self.hospitals.say(" ".join([text, *self._undated(site.site_id for site in silent)]), "attention")
        self._fit()

    def show_deliveries(self) -> None:
        """Reports that are not home, and drafts without a claim."""
        tr = self._desk.tr
        summary = self._deliveries.summary()
        if summary.text:
            self.delivery.say(summary.text, summary.tone, tr("Show"), lambda: self._run("delivery.show"))
        else:
            self.delivery.clear()
        orphans = len(self._deliveries.orphans())
        if orphans:
            text = (
                tr("1 draft has no claim any more")
                if orphans == 1
                else tr("{n} drafts have no claim any more", n=orphans)
            )
            self.orphans.say(text, "attention", tr("Show"), lambda: self._run("drafts.show"))
        else:
            self.orphans.clear()
        self._fit()

    def _set_role(self, role: str) -> None:
        if self._state.property("role") != role:
            self._state.setProperty("role", role)
            self._state.style().unpolish(self._state)
            self._state.style().polish(self._state)

    def _fit(self) -> None:
        """No empty strip where nothing is said."""
        self.setVisible(any(not bar.isHidden() for bar in self._bars()))

    def _bars(self) -> tuple[QFrame, ...]:
        return (self.sign_in, self.request, self.connection, self.hospitals, self.message, self.delivery, self.orphans)

    def _named(self, site: SiteIntake) -> str:
        """A hospital among several."""
        tr, name, time = self._desk.tr, self._desk.sites.name_of(site.site_id), self._time_of(site)
        if site.has_answered:
            return tr("{hospital} (since {time})", hospital=name, time=time)
        return tr("{hospital} (never since {time})", hospital=name, time=time)

    def _undated(self, site_ids: Iterable[str]) -> list[str]:
        """What else is missing of these hospitals: a sentence for each of which studies have no date."""
        tr, counts = self._desk.tr, self._feed.undated
        found = [(self._desk.sites.name_of(site_id), counts[site_id]) for site_id in site_ids if site_id in counts]
        return [
            tr("{n} studies of {hospital} have no date and stay off this list.", n=count, hospital=name)
            if count > 1
            else tr("1 study of {hospital} has no date and stays off this list.", hospital=name)
            for name, count in found
        ]

    def _time_of(self, site: SiteIntake) -> str:
        return shown_since(site.since.astimezone(), self._desk.now())
