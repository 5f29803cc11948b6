"""Signing in: the dialog, by browser or by name and password, and signing in again without losing anything."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from viewer.cancel import CancelToken
from viewer.tasks import Task, TaskRunner
from worklist_client.settings.language import Translator
from worklist_client.settings.openid import Provider
from worklist_client.settings.session import ENDED, Session
from worklist_client.settings.sign_in import (
    HubAccounts,
    Method,
    OpenIdMethod,
    PasswordMethod,
    SignInError,
    Tokens,
    methods,
)
from worklist_client.ui.bars import plain_label
from worklist_client.ui.worklist_bars import WorklistBars


class SignInDialog(QDialog):
    """Accepted once somebody is signed in and the hub has said who. The password is sent and forgotten."""

    def __init__(
        self,
        hub_url: str,
        session: Session,
        offered: tuple[Method, ...],
        runner: TaskRunner,
        tr: Translator,
        *,
        reason: str = "",
        name: str = "",
        parent: QWidget | None = None,
        open_browser: Callable[[QUrl], bool] = QDesktopServices.openUrl,
    ) -> None:
        super().__init__(parent)
        self._hub_url, self._session, self._runner, self._tr = hub_url, session, runner, tr
        self._open_browser = open_browser
        self.signed_in_as = ""
        """The name that was typed, once it and its password were right."""
        self._task: Task | None = None
        self.setObjectName("sign_in_dialog")
        self.setWindowTitle(tr("Sign in"))
        self.setMinimumWidth(460)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(12)
        where = plain_label("sign_in_hub", tr("Sign in to the shared worklist at {url}", url=hub_url))
        where.setWordWrap(True)
        layout.addWidget(where)
        cancel = QPushButton(tr("Cancel") if parent is not None else tr("Quit"))
        cancel.setObjectName("sign_in_cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addStretch(1)
        self._inputs: list[QWidget] = []
        self._password: QLineEdit | None = None
        for method in offered:
            if isinstance(method, OpenIdMethod):
                self._add_browser(layout, method)
            elif isinstance(method, PasswordMethod):
                row.addWidget(self._add_password(layout, name))
        self.status = plain_label("sign_in_status", tr(reason) if reason else "", "attention")
        self.status.setWordWrap(True)
        layout.addWidget(self.status)
        row.addWidget(cancel)
        layout.addLayout(row)

    def reject(self) -> None:
        """Also ends what is under way."""
        if self._task is not None:
            self._task.cancel()
        super().reject()

    def _add_browser(self, layout: QVBoxLayout, method: OpenIdMethod) -> None:
        button = QPushButton(self._tr("Sign in with the browser"))
        button.setObjectName("sign_in_browser")
        button.setProperty("role", "primary")
        button.clicked.connect(lambda: self._by_browser(method))
        layout.addWidget(button)
        self._inputs.append(button)

    def _add_password(self, layout: QVBoxLayout, name: str) -> QPushButton:
        """The two fields; their button belongs into the last row."""
        tr, form = self._tr, QFormLayout()
        self._name, self._password = QLineEdit(name), (field := QLineEdit())
        self._name.setObjectName("sign_in_name")
        self._name.setAccessibleName(tr("Name"))
        field.setObjectName("sign_in_password")
        field.setAccessibleName(tr("Password"))
        field.setEchoMode(QLineEdit.EchoMode.Password)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.addRow(plain_label("sign_in_name_title", tr("Name")), self._name)
        form.addRow(plain_label("sign_in_password_title", tr("Password")), field)
        button = QPushButton(tr("Sign in"))
        button.setObjectName("sign_in_by_name")
        button.setProperty("role", "primary")
        button.setDefault(True)
        button.clicked.connect(self._by_password)
        layout.addLayout(form)
        self._inputs += [self._name, field, button]
        (field if name else self._name).setFocus()
        return button

    def _by_browser(self, method: OpenIdMethod) -> None:
        tr, runner = self._tr, self._runner

        def opened(url: str) -> bool:
            runner.post(lambda: self._open(url))  # Qt opens it on the main thread
            return True

        def work(token: CancelToken) -> Tokens:
            return Provider(method).sign_in(opened, cancelled=token.cancelled, page=tr)

        self._begin(work, method, tr("Sign in in the browser that opens; this window waits."))

    def _open(self, url: str) -> None:
        if not self._open_browser(QUrl(url)):
            if self._task is not None:
                self._task.cancel()
            self._ready(self._tr("No browser could be opened on this computer"))

    def _by_password(self) -> None:
        assert self._password is not None
        name, password = self._name.text().strip(), self._password.text()
        self._password.clear()
        if not name or not password:
            self.status.setText(self._tr("Name and password are both needed"))
            return

        def work(_token: CancelToken) -> Tokens:
            return HubAccounts(self._hub_url).sign_in(name, password)

        self._begin(work, None, self._tr("Signing in…"), name)

    def _begin(
        self, work: Callable[[CancelToken], Tokens], method: OpenIdMethod | None, text: str, name: str = ""
    ) -> None:
        session = self._session

        def whole(_request: None, token: CancelToken) -> None:
            session.begin(work(token), method)
            session.introduce()

        for one in self._inputs:
            one.setEnabled(False)
        self.status.setText(text)
        self._task = self._runner.submit(
            whole,
            None,
            lane="sign_in",
            owner=self,
            done=lambda _none: self._done(name),
            failed=self._failed,
        )

    def _done(self, name: str) -> None:
        self.signed_in_as = name
        self.accept()

    def _failed(self, error: Exception) -> None:
        self._ready(self._tr(error.reason if isinstance(error, SignInError) else "The sign-in failed"))

    def _ready(self, text: str) -> None:
        self.status.setText(text)
        for one in self._inputs:
            one.setEnabled(True)
        if self._password is not None:
            self._password.setFocus()  # disabled inputs had handed it on, to a button that ends the program


class SignInAgain(QObject):
    """When a sign-in has ended: says so in a bar and offers to sign in. Everything else goes on meanwhile."""

    def __init__(
        self,
        hub_url: str,
        session: Session,
        runner: TaskRunner,
        tr: Translator,
        window: QWidget,
        bars: WorklistBars,
        name: Callable[[], str] = str,
    ) -> None:
        super().__init__(window)
        self._hub_url, self._session, self._runner, self._tr = hub_url, session, runner, tr
        self._window, self._bars, self._name = window, bars, name
        session.on_ended = lambda reason: runner.post(lambda: self.ended(reason))

    def ended(self, reason: str = ENDED) -> None:
        """Say it."""
        self._bars.ask_to_sign_in(self._tr(reason), self.ask)

    def ask(self) -> None:
        """Find out how one signs in, and do it."""

        def offered(_request: None, _token: CancelToken) -> tuple[Method, ...]:
            return methods(self._hub_url)

        self._runner.submit(
            offered,
            None,
            lane="sign_in",
            owner=self,
            done=self._show,
            failed=lambda error: self.ended(getattr(error, "reason", ENDED)),
        )

    def _show(self, offered: tuple[Method, ...]) -> None:
        dialog = SignInDialog(
            self._hub_url, self._session, offered, self._runner, self._tr, name=self._name(), parent=self._window
        )
        dialog.accepted.connect(self._bars.sign_in.clear)
        dialog.open()
