"""How people come in: the sign-in page and the one-time link that makes the first admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User
from django.forms import TextInput
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from jobs import access

if TYPE_CHECKING:
    from django.forms import Widget
    from django.http import HttpRequest, HttpResponse

    # Django's class is generic for the type checker only.
    UserCreationForm = BaseUserCreationForm[User]
else:
    UserCreationForm = BaseUserCreationForm


@method_decorator(login_not_required, name="dispatch")
class SignInView(views.LoginView):
    """Django's own sign-in, with our page."""

    template_name = "registration/sign_in.html"
    redirect_authenticated_user = True


class FirstAdminForm(UserCreationForm):
    """A name and a password twice; the password validators judge it."""

    class Meta:
        """Only what a first admin needs."""

        model = User
        fields = ("username",)
        widgets: ClassVar[dict[str, Widget]] = {"username": TextInput({"autocomplete": "username"})}


@login_not_required
@never_cache
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
def first_admin(request: HttpRequest, token: str) -> HttpResponse:
    """Let the holder of the link become the first admin, once."""
    if access.has_admin():
        return _gone(request, "used")
    if not access.is_first_admin_token(token):
        return _gone(request, "expired")
    form = FirstAdminForm(request.POST if request.method == "POST" else None, label_suffix="")
    if not form.is_valid():
        return render(request, "registration/first_admin.html", {"form": form}, status=422 if form.is_bound else 200)
    try:
        user = access.create_first_admin(form.cleaned_data["username"], form.cleaned_data["password1"])
    except access.AdminExists:
        return _gone(request, "used")
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect(settings.LOGIN_REDIRECT_URL)


def _gone(request: HttpRequest, why: str) -> HttpResponse:
    return render(request, "registration/first_admin.html", {"gone": why}, status=410)
